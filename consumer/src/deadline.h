// Until when a call may wait, from the milliseconds that consumer.h takes.
#pragma once

#include <cstdint>

#include "protocol/base/clock.h"

namespace bus::sdk {

// A negative number waits for ever. So does more than a century, which would overflow the clock.
inline TimePoint deadline_of(int64_t timeout_ms) {
  constexpr int64_t kCenturyMs = 3'155'760'000'000;
  if (timeout_ms < 0 || timeout_ms > kCenturyMs) return kNever;
  return now() + milliseconds(timeout_ms);
}

}  // namespace bus::sdk
