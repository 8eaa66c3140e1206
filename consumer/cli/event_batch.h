// Events gathered for one line: a JSON array of those that came within a time (bus-consume --batch). Time is
// an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bus::cli {

// Longest line of a batch: readers have limits, and a frame may have as much. A single event that is longer
// makes a line of its own.
inline constexpr size_t kMostBatchBytes = 1024 * 1024;

class EventBatch {
 public:
  using Clock = std::chrono::steady_clock;

  // An array is due `longest` after its first event.
  explicit EventBatch(std::chrono::milliseconds longest) : longest_(longest) {}

  bool empty() const { return text_.empty(); }
  // Whether `event` may be added to those that are there.
  bool has_room(std::string_view event) const;
  void add(std::string_view event, Clock::time_point now);
  // Nothing: there is nothing to write.
  std::optional<Clock::time_point> due() const { return due_; }
  // The array of one event or more, which is then empty.
  std::string take();

 private:
  std::chrono::milliseconds longest_;
  std::string text_;
  std::optional<Clock::time_point> due_;
};

}  // namespace bus::cli
