// How a process group is brought to its end: its input ends, then SIGTERM, then SIGKILL, with a grace between.
// Pure: says what is due, and does nothing itself.
#pragma once

#include <chrono>
#include <optional>

namespace bus::cli {

class GroupEnd {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Step { none, close_input, terminate, kill };

  explicit GroupEnd(std::chrono::milliseconds grace) : grace_(grace) {}

  // Begins with the end of its input, for a program that ends by itself then.
  void begin_with_input(Clock::time_point now) {
    if (next_ == Step::none && !done_) plan(Step::close_input, now);
  }
  // Begins with SIGTERM, or goes on to it.
  void begin(Clock::time_point now) {
    if (signaled()) return;
    if (next_ != Step::terminate || now < at_) plan(Step::terminate, now);
  }
  bool begun() const { return done_ || next_ != Step::none; }
  // SIGTERM was due.
  bool signaled() const { return done_ || next_ == Step::kill; }
  // SIGKILL was due.
  bool killed() const { return done_; }

  // The step whose time has come. Each comes once.
  Step due(Clock::time_point now) {
    if (next_ == Step::none || now < at_) return Step::none;
    Step step = next_;
    switch (step) {
      case Step::close_input:
        plan(Step::terminate, now + grace_);
        break;
      case Step::terminate:
        plan(Step::kill, now + grace_);
        break;
      case Step::kill:
      case Step::none:
        next_ = Step::none;
        done_ = true;
        break;
    }
    return step;
  }
  // When the next step is due; nothing: none is.
  std::optional<Clock::time_point> deadline() const {
    return next_ == Step::none ? std::nullopt : std::optional<Clock::time_point>(at_);
  }

 private:
  void plan(Step step, Clock::time_point at) {
    next_ = step;
    at_ = at;
  }

  std::chrono::milliseconds grace_;
  Step next_ = Step::none;
  Clock::time_point at_{};
  bool done_ = false;
};

}  // namespace bus::cli
