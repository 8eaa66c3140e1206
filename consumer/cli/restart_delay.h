// How long to wait before a co-process is started again (bus-serve --lines): not at all after one that has
// done some work, and twice as long as before after each one that has not. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace bus::cli {

class RestartDelay {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kFirst{100};
  // A program that is broken for a day is tried 8640 times.
  static constexpr std::chrono::milliseconds kMost{10'000};

  // It has answered a request.
  void worked() { delay_ = std::chrono::milliseconds(0); }
  // It has ended by itself.
  void ended(Clock::time_point now) {
    not_before_ = now + delay_;
    delay_ = delay_.count() == 0 ? kFirst : std::min(2 * delay_, kMost);
  }
  // Not to be started before this.
  Clock::time_point not_before() const { return not_before_; }

 private:
  std::chrono::milliseconds delay_{0};
  Clock::time_point not_before_{};
};

}  // namespace bus::cli
