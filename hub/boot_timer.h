// A deadline on a clock that goes on while the machine sleeps (CLOCK_BOOTTIME): what became due meanwhile comes when it wakes.
//
// Times are those of boot_now(), and mean nothing on the clock of the loop's other timers.
#pragma once

#include <functional>
#include <memory>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"

namespace bus::hub {

// Since this boot of the machine.
TimePoint boot_now();

class BootTimer final : FdWatch::Handler {
 public:
  // Error io, too_long: there is no descriptor for it, or no memory.
  static Result<std::unique_ptr<BootTimer>> create(Loop& loop, std::function<void()> callback);
  BootTimer(const BootTimer&) = delete;
  BootTimer& operator=(const BootTimer&) = delete;

  // Never early; kNever clears it. Moving it to a later time costs nothing: it is woken once more instead.
  void set(TimePoint due);

 private:
  BootTimer(Loop& loop, Fd timer, std::function<void()> callback)
      : callback_(std::move(callback)), timer_(std::move(timer)), watch_(loop, timer_.get(), *this) {}
  void on_readable() override;
  void on_writable() override {}
  void arm();

  std::function<void()> callback_;
  Fd timer_;
  FdWatch watch_;
  TimePoint due_ = kNever;
  TimePoint armed_ = kNever;
};

}  // namespace bus::hub
