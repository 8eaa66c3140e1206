// What a soak measures of the hub, one line per interval, and whether its memory has stayed flat.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace bus::soak {

struct Sample {
  double at_s = 0;
  size_t resident_bytes = 0;
  size_t descriptors = 0;
  size_t connections = 0;
  uint64_t published = 0;
  uint64_t delivered = 0;
  uint64_t dropped = 0;
  uint64_t limit_bytes = 0;          // 0: unknown
  uint64_t longest_callback_us = 0;  // 0: unknown
};

void print_head();
// `to` at its time, with what was counted since `from`, and the highest values of all between them.
void print_row(const std::vector<Sample>& samples, size_t from, size_t to);

// Growth of resident memory after the warm-up, by least squares over the means of 16 blocks.
struct Growth {
  double bytes = 0;           // from the end of the warm-up to the end
  double standard_error = 0;  // of that, by the blocks' distances from the line
  double mean = 0;
  double first_quarter = 0;
  double last_quarter = 0;

  // What chance makes of the random load (three standard errors), and 4 MiB for the allocator: a leak of 64
  // bytes for each connection, or of 4 for each event, is more in half an hour.
  double bound() const { return 3 * standard_error + 4.0 * 1024 * 1024; }
  bool flat() const { return bytes <= bound(); }
};

// None when there are too few samples to tell a leak from chance.
std::optional<Growth> growth_of(const std::vector<Sample>& samples);

}  // namespace bus::soak
