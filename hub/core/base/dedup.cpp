#include "hub/core/base/dedup.h"

namespace bus::hub {

bool DedupWindow::seen(const uint64_t key[2], std::string_view id, Duration window, TimePoint now,
                       Meter* meter) {
  while (!ids_.empty() && now - ids_.front().at >= window) forget_oldest();
  Hash128 hash = siphash128(key, id);
  if (find(hash)) return true;
  if (ids_.size() == kMaxDedupIds) forget_oldest();
  ids_.push_back(Id{hash, now});
  if (ids_.size() * 2 > slots_.size()) {
    resize(slots_.empty() ? 16 : slots_.size() * 2);
  } else {
    insert(hash, number_of_place(ids_.size() - 1));
  }
  charge(meter);
  return false;
}

void DedupWindow::forget_half(Meter* meter) {
  Ring<Id> newer;
  size_t first = (ids_.size() + 1) / 2;
  for (size_t i = first; i < ids_.size(); ++i) newer.push_back(ids_[i]);
  oldest_ = number_of_place(first);
  ids_ = std::move(newer);
  size_t slots = 0;
  while (slots < ids_.size() * 2) slots = slots == 0 ? 16 : slots * 2;
  std::vector<uint32_t>().swap(slots_);
  if (slots > 0) resize(slots);
  charge(meter);
}

void DedupWindow::charge(Meter* meter) {
  size_t bytes = memory_bytes();
  if (bytes == charged_bytes_) return;
  charge_ = Charge(meter, bytes);
  charged_bytes_ = bytes;
}

bool DedupWindow::find(const Hash128& hash) const {
  if (slots_.empty()) return false;
  for (size_t at = home(hash); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    if (hash_in(slots_[at]) == hash) return true;
  }
  return false;
}

void DedupWindow::insert(const Hash128& hash, uint32_t number) {
  size_t at = home(hash);
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = number + 1;
}

void DedupWindow::forget_oldest() {
  size_t mask = slots_.size() - 1;
  size_t hole = home(ids_.front().hash);
  while (slots_[hole] != oldest_ + 1) hole = (hole + 1) & mask;
  // Closes the hole by moving up each later one of the run that may stand there, so that no probe ends early
  // (Knuth, TAOCP 3, 6.4, algorithm R).
  for (size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    size_t wanted = home(hash_in(slots_[at]));
    if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = 0;
  ids_.pop_front();
  oldest_ = (oldest_ + 1) % kNumbers;
  if (ids_.empty()) std::vector<uint32_t>().swap(slots_);
}

void DedupWindow::resize(size_t slots) {
  slots_.assign(slots, 0);
  for (size_t i = 0; i < ids_.size(); ++i) insert(ids_[i].hash, number_of_place(i));
}

}  // namespace bus::hub
