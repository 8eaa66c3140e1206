#include "consumer/src/frame_ledger.h"

#include <algorithm>

namespace bus::sdk {

void FrameLedger::clear() {
  runs_.clear();
  next_ = 0;
  frames_ = 0;
  confirmed_ = 0;
}

uint64_t FrameLedger::publication_of(uint64_t ordinal) const {
  if (ordinal <= confirmed_ || ordinal > frames_) return 0;
  auto after = std::upper_bound(runs_.begin(), runs_.end(), ordinal,
                                [](uint64_t wanted, const Run& run) { return wanted < run.frame; });
  if (after == runs_.begin()) return 0;
  const Run& run = *(after - 1);
  return run.number == 0 ? 0 : run.number + (ordinal - run.frame);
}

void FrameLedger::confirm(uint64_t ordinal) {
  confirmed_ = std::max(confirmed_, std::min(ordinal, frames_));
  if (confirmed_ == frames_) {
    runs_.clear();
    next_ = 0;
  }
  while (runs_.size() > 1 && runs_[1].frame <= confirmed_ + 1) runs_.pop_front();
}

uint64_t FrameLedger::unconfirmed_until(uint64_t ordinal) const {
  uint64_t total = 0;
  uint64_t end = std::min(ordinal, frames_) + 1;
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    uint64_t begin = std::max(run->frame, confirmed_ + 1);
    if (begin >= end) continue;
    if (run->number != 0) total += end - begin;
    end = begin;
  }
  return total;
}

}  // namespace bus::sdk
