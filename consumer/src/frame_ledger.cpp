#include "consumer/src/frame_ledger.h"

#include <algorithm>

namespace bus::sdk {

void FrameLedger::clear() {
  runs_.clear();
  frames_ = 0;
  confirmed_ = 0;
}

void FrameLedger::add_publication(uint64_t number) {
  ++frames_;
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.frame + last.count == frames_ && last.number + last.count == number) {
      ++last.count;
      return;
    }
  }
  runs_.push_back(Run{frames_, number, 1});
}

uint64_t FrameLedger::publication_of(uint64_t ordinal) const {
  auto after = std::upper_bound(runs_.begin(), runs_.end(), ordinal,
                                [](uint64_t wanted, const Run& run) { return wanted < run.frame; });
  if (after == runs_.begin()) return 0;
  const Run& run = *(after - 1);
  uint64_t offset = ordinal - run.frame;
  return offset < run.count ? run.number + offset : 0;
}

void FrameLedger::confirm(uint64_t ordinal) {
  confirmed_ = std::max(confirmed_, std::min(ordinal, frames_));
  while (!runs_.empty()) {
    Run& first = runs_.front();
    if (first.frame > confirmed_) return;
    uint64_t done = std::min(confirmed_ - first.frame + 1, first.count);
    if (done < first.count) {
      first = Run{first.frame + done, first.number + done, first.count - done};
      return;
    }
    runs_.pop_front();
  }
}

uint64_t FrameLedger::unconfirmed_until(uint64_t ordinal) const {
  uint64_t total = 0;
  for (const Run& run : runs_) {
    if (run.frame > ordinal) break;
    total += std::min(run.count, ordinal - run.frame + 1);
  }
  return total;
}

}  // namespace bus::sdk
