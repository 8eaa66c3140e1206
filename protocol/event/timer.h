// One deadline that can be set, moved and cleared; the callback runs once for each time that it comes.
//
// libevent's clock is as coarse as the kernel's ticks, so that a timer may come some milliseconds late. A fine one has
// a descriptor of its own (timerfd_create(2)), and comes within microseconds; without a descriptor it is coarse.
#pragma once

#include <cstdint>
#include <functional>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/event/loop.h"

struct event;

namespace bus {

// A timerfd on whatever clock comes at `due` of that clock, once.
void arm_timerfd(const Fd& timer, TimePoint due);

class Timer {
 public:
  enum class Grain : uint8_t { coarse, fine };

  Timer(Loop& loop, std::function<void()> callback, Grain grain = Grain::coarse);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Never early; kNever clears it. Moving a deadline to a later time costs nothing.
  void set(TimePoint due);
  void clear() { set(kNever); }
  TimePoint due() const { return due_; }

 private:
  static void on_event(int fd, short what, void* self) noexcept;
  void arm();

  Loop& loop_;
  std::function<void()> callback_;
  Fd fd_;  // of a fine one
  event* event_;
  TimePoint due_ = kNever;
  TimePoint armed_ = kNever;  // when we will be woken; not after due_
};

}  // namespace bus
