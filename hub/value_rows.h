// A state of a key as the store keeps it, and back: between times on the clock of this boot of the machine and times that hold for
// another one, too.
#pragma once

#include <cstdint>

#include "hub/core/values/value_keeper.h"
#include "hub/store/row.h"

namespace bus::hub {

// One moment on both clocks, and the boot whose clock it is.
struct Moment {
  TimePoint boot_clock;
  int64_t wall_ms = 0;
  store::BootId boot{};

  static Moment now(const store::BootId& boot);
};

store::Row to_row(ValueRow row, const Moment& now);
// A value whose time was over before comes with a time that is over. A change is never in the future.
KeptValues::Row from_row(store::Row row, const Moment& now);

}  // namespace bus::hub
