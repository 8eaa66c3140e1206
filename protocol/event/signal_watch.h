// A signal as an event of the loop, instead of an interruption.
#pragma once

#include <functional>

#include "protocol/event/loop.h"

struct event;

namespace bus {

class SignalWatch {
 public:
  SignalWatch(Loop& loop, int number, std::function<void()> callback);
  ~SignalWatch();  // from then on the signal does nothing
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  static void on_event(int number, short what, void* self) noexcept;

  Loop& loop_;
  std::function<void()> callback_;
  event* event_;
};

}  // namespace bus
