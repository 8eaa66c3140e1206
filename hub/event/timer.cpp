#include "hub/event/timer.h"

#include <algorithm>
#include <sys/time.h>

#include <event2/event.h>

namespace bus::hub {

namespace {

// A deadline further away is reached in several steps, so that no conversion can overflow.
constexpr Duration kLongestWait = std::chrono::hours(1);

}  // namespace

Timer::Timer(Loop& loop, std::function<void()> callback)
    : loop_(loop), callback_(std::move(callback)), event_(event_new(loop.base(), -1, 0, on_event, this)) {
  BUSD_CHECK(event_ != nullptr);
}

Timer::~Timer() { event_free(event_); }

void Timer::set(TimePoint due) {
  due_ = due;
  if (due == kNever) {
    if (armed_ != kNever) event_del(event_);
    armed_ = kNever;
  } else if (due < armed_) {
    arm();
  }
}

void Timer::arm() {
  TimePoint start = now();
  Duration wait = due_ <= start ? Duration::zero() : std::min(due_ - start, kLongestWait);
  armed_ = start + wait;
  // Rounded up: libevent's clock is coarser than ours, and a wait of nothing would spin until the deadline.
  auto us = std::chrono::ceil<std::chrono::microseconds>(wait).count();
  timeval tv{};
  tv.tv_sec = static_cast<time_t>(us / 1'000'000);
  tv.tv_usec = static_cast<suseconds_t>(us % 1'000'000);
  BUSD_CHECK(event_add(event_, &tv) == 0);
}

void Timer::on_event(int, short, void* self) noexcept {
  auto* timer = static_cast<Timer*>(self);
  Loop::Turn turn(timer->loop_);
  timer->armed_ = kNever;
  if (timer->due_ == kNever) return;
  if (now() < timer->due_) {
    timer->arm();
    return;
  }
  timer->due_ = kNever;
  timer->callback_();
}

}  // namespace bus::hub
