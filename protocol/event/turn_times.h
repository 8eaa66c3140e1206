// How long the loop's callbacks take: a histogram, all of them together, and the longest.
//
// What counts is the processor's time, because a hub that waits for a processor is starved and not slow; the
// time on the clock is kept beside it. Asking for the processor's time is a system call, so it is not asked
// for each callback: a short one is taken to have run all the time, and a long one is charged with what ran
// since the last question, half a millisecond at most too much.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/base/clock.h"

namespace bus {

class TurnTimes {
 public:
  static constexpr std::array<uint32_t, 7> kBoundsUs = {100, 250, 500, 1000, 2500, 5000, 10'000};

  // Around each callback.
  void begin(TimePoint at) { begun_ = at; }
  void end();

  // end() with times as arguments: on the clock when the callback ended, and of the processor in all; the
  // latter is only asked for when it is needed.
  template <class ProcessorTime>
  void end(TimePoint ended, ProcessorTime processor_time) {
    Duration elapsed = ended - begun_;
    if (ended - asked_ >= kAskEvery) {
      Duration processor = processor_time();
      Duration used = elapsed < kAskEvery ? elapsed : std::min(elapsed, processor - processor_then_);
      asked_ = ended;
      processor_then_ = processor;
      note(used, elapsed);
    } else {
      note(elapsed, elapsed);
    }
  }

  // When the callback that is under way began.
  TimePoint begun() const { return begun_; }
  // Whether the callback that is under way has had the processor for so long.
  bool has_taken(Duration limit) const;
  uint64_t count() const { return count_; }
  Duration total() const { return total_; }
  Duration longest() const { return longest_; }
  Duration longest_elapsed() const { return longest_elapsed_; }
  // Of those that took up to kBoundsUs[i]; the last one: longer.
  const std::array<uint64_t, kBoundsUs.size() + 1>& counts() const { return counts_; }

 private:
  static constexpr Duration kAskEvery = std::chrono::microseconds(500);

  void note(Duration used, Duration elapsed);

  TimePoint begun_{};
  TimePoint asked_{};
  Duration processor_then_{};
  uint64_t count_ = 0;
  Duration total_{};
  Duration longest_{};
  Duration longest_elapsed_{};
  std::array<uint64_t, kBoundsUs.size() + 1> counts_{};
};

}  // namespace bus
