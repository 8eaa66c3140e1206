// Several ways to do the same work, run in turn, and the table that compares them.
//
// Rounds are interleaved (one run of each way, then the next round), because the machine's speed drifts; a
// ratio is taken within each round, and its median is printed. A way that lost something is an error, not a
// rate.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/base/result.h"

namespace bus::sdk_bench {

// What one run took. CPU is user and system time of the process that is measured, not of its other end.
struct Sample {
  uint64_t events = 0;
  uint64_t bytes = 0;
  double seconds = 0;
  double cpu_seconds = 0;
};

// Measures from its construction on, in this process.
class Stopwatch {
 public:
  Stopwatch();
  Sample stop(uint64_t events, uint64_t bytes) const;

 private:
  double wall_;
  double cpu_;
};

struct Way {
  std::string name;
  std::function<Result<Sample>()> run;
};

// Runs `rounds` rounds and prints a table; the first way is what the others are compared with. Error: of the
// first run that failed.
Result<void> compare(const std::string& title, const std::vector<Way>& ways, int rounds);

}  // namespace bus::sdk_bench
