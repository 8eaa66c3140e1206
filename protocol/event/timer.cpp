#include "protocol/event/timer.h"

#include <algorithm>
#include <sys/time.h>

#include <event2/event.h>

#include "protocol/base/last_word.h"

namespace bus {

namespace {

// A deadline further away is reached in several steps, so that no conversion can overflow.
constexpr Duration kLongestWait = std::chrono::hours(1);

}  // namespace

Timer::Timer(Loop& loop, std::function<void()> callback)
    : loop_(loop), callback_(std::move(callback)), event_(event_new(loop.base(), -1, 0, on_event, this)) {
  if (event_ == nullptr) end_without_memory();
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
  // Without its deadlines the hub would only seem to live.
  if (event_add(event_, &tv) != 0) end_without_memory();
}

void Timer::on_event(int, short, void* self) noexcept {
  auto* timer = static_cast<Timer*>(self);
  Loop::CallbackScope scope(timer->loop_);
  timer->armed_ = kNever;
  if (timer->due_ == kNever) return;
  if (now() < timer->due_) {
    timer->arm();
    return;
  }
  timer->due_ = kNever;
  timer->callback_();
}

}  // namespace bus
