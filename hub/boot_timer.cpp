#include "hub/boot_timer.h"

#include <cerrno>
#include <ctime>
#include <sys/timerfd.h>
#include <unistd.h>

#include "protocol/base/check.h"
#include "protocol/event/timer.h"

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
  arm_timerfd(timer_, due_);
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
