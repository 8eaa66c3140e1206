#include "protocol/event/turn_times.h"

#include <algorithm>
#include <ctime>

namespace bus {

namespace {

// clock_gettime(2), CLOCK_THREAD_CPUTIME_ID: what the kernel did for us included.
Duration processor_time() {
  timespec at{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
}

}  // namespace

void TurnTimes::end() { end(now(), processor_time); }

bool TurnTimes::has_taken(Duration limit) const {
  return now() - begun_ >= limit && processor_time() - processor_then_ >= limit;
}

void TurnTimes::note(Duration used, Duration elapsed) {
  ++count_;
  total_ += used;
  longest_ = std::max(longest_, used);
  longest_elapsed_ = std::max(longest_elapsed_, elapsed);
  auto us = static_cast<uint64_t>(std::chrono::ceil<std::chrono::microseconds>(used).count());
  const auto* bound = std::lower_bound(kBoundsUs.begin(), kBoundsUs.end(), us);
  ++counts_[static_cast<size_t>(bound - kBoundsUs.begin())];
}

}  // namespace bus
