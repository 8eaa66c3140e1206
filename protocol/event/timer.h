// One deadline that can be set, moved and cleared; the callback runs once for each time that it comes.
#pragma once

#include <functional>

#include "protocol/base/clock.h"
#include "protocol/event/loop.h"

struct event;

namespace bus {

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> callback);
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
  event* event_;
  TimePoint due_ = kNever;
  TimePoint armed_ = kNever;  // when libevent will wake us; not after due_
};

}  // namespace bus
