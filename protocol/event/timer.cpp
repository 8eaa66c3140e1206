#include "protocol/event/timer.h"

#include <algorithm>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "protocol/base/check.h"
#include "protocol/base/last_word.h"

namespace bus {

namespace {

// A deadline further away is reached in several steps, so that no conversion can overflow.
constexpr Duration kLongestWait = std::chrono::hours(1);

}  // namespace

Timer::Timer(Loop& loop, std::function<void()> callback, Grain grain)
    : loop_(loop),
      callback_(std::move(callback)),
      fd_(grain == Grain::fine ? ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) : -1),
      event_(event_new(loop.base(), fd_.get(), fd_ ? EV_READ | EV_PERSIST : 0, on_event, this)) {
  if (event_ == nullptr || (fd_ && event_add(event_, nullptr) != 0)) end_without_memory();
}

Timer::~Timer() { event_free(event_); }

void Timer::set(TimePoint due) {
  due_ = due;
  if (due == kNever) {
    // A fine one finds out when it is woken.
    if (armed_ != kNever && !fd_) event_del(event_);
    if (!fd_) armed_ = kNever;
  } else if (due < armed_) {
    arm();
  }
}

void arm_timerfd(const Fd& timer, TimePoint due) {
  // 0 would disarm.
  auto ns = std::max<int64_t>(1, std::chrono::nanoseconds(due.time_since_epoch()).count());
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  BUSD_CHECK(::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

void Timer::arm() {
  if (fd_) {
    armed_ = due_;
    return arm_timerfd(fd_, due_);
  }
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
  uint64_t times = 0;
  if (timer->fd_ && ::read(timer->fd_.get(), &times, sizeof times) < 0) return;
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
