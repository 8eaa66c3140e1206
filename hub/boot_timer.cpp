#include "hub/boot_timer.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/timerfd.h>
#include <unistd.h>

#include "protocol/base/check.h"

namespace bus::hub {

TimePoint boot_now() {
  timespec at{};
  BUSD_CHECK(::clock_gettime(CLOCK_BOOTTIME, &at) == 0);
  return TimePoint(seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
}

Result<std::unique_ptr<BootTimer>> BootTimer::create(Loop& loop, std::function<void()> callback) {
  Fd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return errno_error("timerfd_create", errno);
  std::unique_ptr<BootTimer> out(new BootTimer(loop, std::move(timer), std::move(callback)));
  if (!out->watch_.set(FdWatch::Mode::reading, false)) return Error{Errc::io, "no room to watch a timer"};
  return out;
}

void BootTimer::set(TimePoint due) {
  due_ = due;
  if (due < armed_) arm();
}

void BootTimer::arm() {
  armed_ = due_;
  // 0 would disarm it.
  auto ns = std::max<int64_t>(1, std::chrono::nanoseconds(due_.time_since_epoch()).count());
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  BUSD_CHECK(::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

void BootTimer::on_readable() {
  uint64_t times = 0;
  if (::read(timer_.get(), &times, sizeof times) < 0) return;
  armed_ = kNever;
  if (due_ == kNever) return;
  if (boot_now() < due_) return arm();
  due_ = kNever;
  callback_();
}

}  // namespace bus::hub
