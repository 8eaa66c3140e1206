#include "consumer/gocache/core/limits.h"

#include <algorithm>

namespace bus::gocache {

int64_t Ages::cutoff(const Limits& limits, int64_t now_ns, uint64_t free_bytes) const {
  // What claims to come from the future is not old.
  int64_t by_age = now_ns - limits.max_age_ns;
  uint64_t must_go = total_ > limits.max_bytes ? total_ - limits.max_bytes / 10 * 9 : 0;
  if (free_bytes < limits.min_free_bytes) must_go = std::max(must_go, limits.min_free_bytes - free_bytes);
  int64_t by_size = INT64_MIN;
  uint64_t gone = 0;
  for (const auto& [slot, bytes] : bytes_) {
    if (gone >= must_go) break;
    gone += bytes;
    by_size = (slot + 1) * kSlotNs;
  }
  return std::max(by_age, by_size);
}

}  // namespace bus::gocache
