// A callback that runs behind those that are ready: what many callbacks need is done once, after them.
//
// It runs before the loop waits, and before a callback that is found ready only after it was asked for.
#pragma once

#include <functional>

#include "protocol/event/loop.h"

struct event;

namespace bus {

class Later {
 public:
  Later(Loop& loop, std::function<void()> callback);
  ~Later();
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;

  // Once, however often it is asked for before it runs.
  void ask();

 private:
  static void on_event(int fd, short what, void* self) noexcept;

  Loop& loop_;
  std::function<void()> callback_;
  event* event_;
  bool is_asked_ = false;
};

}  // namespace bus
