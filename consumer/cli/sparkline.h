// A rate over the last minute as a row of small bars. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace bus::cli {

// What was counted during the last minute, and when.
class LastMinute {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `count` events came from `begin` to before `end`.
  void add(Time begin, Time end, double count);

  // Events per second in each of `columns` equal parts of the minute that ends at `now`, oldest first.
  // Nothing for a part in which nothing was counted, because nobody looked.
  std::vector<std::optional<double>> rates(Time now, size_t columns) const;

 private:
  struct Segment {
    Time begin;
    Time end;
    double count;
  };

  std::deque<Segment> segments_;
};

// One character for each value, scaled to the largest: a blank for nothing, the lowest bar for zero only.
std::string sparkline(const std::vector<std::optional<double>>& values, bool utf8);

}  // namespace bus::cli
