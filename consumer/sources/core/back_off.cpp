#include "consumer/sources/core/back_off.h"

#include <algorithm>

namespace bus::sources {

Duration BackOff::next(bool was_good) {
  if (was_good) {
    failures_ = 0;
    return Duration::zero();
  }
  constexpr unsigned kDoublings = 10;  // 100 ms × 2¹⁰ is beyond the longest
  Duration wait = std::min(kFirst * (1U << std::min(failures_, kDoublings)), kLongest);
  ++failures_;
  // xorshift64 (Marsaglia 2003): enough to keep sources apart.
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  auto per_mille = static_cast<int64_t>(random_ % 201) - 100;
  return wait + wait * per_mille / 1000;
}

}  // namespace bus::sources
