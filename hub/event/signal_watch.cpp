#include "hub/event/signal_watch.h"

#include <event2/event.h>

namespace bus::hub {

SignalWatch::SignalWatch(Loop& loop, int number, std::function<void()> callback)
    : loop_(loop),
      callback_(std::move(callback)),
      event_(event_new(loop.base(), number, EV_SIGNAL | EV_PERSIST, on_event, this)) {
  BUSD_CHECK(event_ != nullptr && event_add(event_, nullptr) == 0);
}

SignalWatch::~SignalWatch() { event_free(event_); }

void SignalWatch::on_event(int, short, void* self) noexcept {
  auto* watch = static_cast<SignalWatch*>(self);
  Loop::Turn turn(watch->loop_);
  watch->callback_();
}

}  // namespace bus::hub
