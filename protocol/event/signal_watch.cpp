#include "protocol/event/signal_watch.h"

#include <csignal>

#include <event2/event.h>

#include "protocol/base/last_word.h"

namespace bus {

namespace {

// What libevent finds, and puts back at the end, must not be the default: a second SIGTERM would then kill a
// program that is about to end well. Returns the mask before: `number` is blocked, so that none is lost
// meanwhile.
sigset_t hold_back(int number) {
  sigset_t one;
  sigset_t before;
  sigemptyset(&one);
  sigaddset(&one, number);
  ::sigprocmask(SIG_BLOCK, &one, &before);
  std::signal(number, [](int) {});
  return before;
}

}  // namespace

SignalWatch::SignalWatch(Loop& loop, int number, std::function<void()> callback)
    : loop_(loop),
      callback_(std::move(callback)),
      event_(event_new(loop.base(), number, EV_SIGNAL | EV_PERSIST, on_event, this)) {
  sigset_t before = hold_back(number);
  if (event_ == nullptr) end_without_memory();
  // Memory of libevent's, a place in epoll's table, or the signal's disposition.
  if (event_add(event_, nullptr) != 0) end_at_once("the event loop takes no signals", kExitNoMemory);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

SignalWatch::~SignalWatch() { event_free(event_); }

void SignalWatch::on_event(int, short, void* self) noexcept {
  auto* watch = static_cast<SignalWatch*>(self);
  Loop::CallbackScope scope(watch->loop_);
  watch->callback_();
}

}  // namespace bus
