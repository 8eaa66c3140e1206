// What all connections of a soak have in common: what must hold in the end, and what did not.
//
// Knows no sockets. A violation is a sentence; the first ones are printed, all are counted.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace bus::soak {

struct Ledger {
  uint64_t events_written =
      0;  // event lines that a socket took whole: the hub has to process them, whatever follows
  uint64_t refused_busy = 0;  // of these, answered `busy`: the hub's memory was used up
  uint64_t events_read = 0;
  uint64_t gaps = 0;  // seqs that did not come, of all connections

  // Of connections that are over. Those that read to the EOF after their bye have seen all the hub has
  // written.
  uint64_t clean_read = 0;
  uint64_t clean_gaps = 0;
  uint64_t cut_read = 0;
  uint64_t cut_gaps = 0;

  uint64_t connections = 0;
  uint64_t violations = 0;
  std::string first_violation;

  void violate(const std::string& what) {
    constexpr uint64_t kPrinted = 20;
    if (++violations <= kPrinted) std::printf("VIOLATION: %s\n", what.c_str());
    if (violations == 1) first_violation = what;
  }
};

}  // namespace bus::soak
