#include "hub/store/key_index.h"

#include <utility>

namespace bus::hub::store {

size_t KeyIndex::look(const Hash128& hash) const {
  size_t at = home(hash);
  while (slots_[at].place.chunk() != 0 && slots_[at].hash != hash) at = (at + 1) & (slots_.size() - 1);
  return at;
}

KeyIndex::Place* KeyIndex::find(std::string_view key) {
  if (slots_.empty()) return nullptr;
  Slot& slot = slots_[look(siphash128(hash_key_, key))];
  return slot.place.chunk() == 0 ? nullptr : &slot.place;
}

KeyIndex::Place& KeyIndex::at(std::string_view key) {
  if (size_ + 1 > slots_.size() / 8 * 7) grow();
  Hash128 hash = siphash128(hash_key_, key);
  Slot& slot = slots_[look(hash)];
  if (slot.place.chunk() == 0) {
    slot.hash = hash;
    ++size_;
  }
  return slot.place;
}

// Moves back what stands behind it and would not be found across a gap.
void KeyIndex::erase(std::string_view key) {
  if (slots_.empty()) return;
  size_t mask = slots_.size() - 1;
  size_t gap = look(siphash128(hash_key_, key));
  if (slots_[gap].place.chunk() == 0) return;
  for (size_t at = (gap + 1) & mask; slots_[at].place.chunk() != 0; at = (at + 1) & mask) {
    size_t from_home = (at - home(slots_[at].hash)) & mask;
    if (from_home < ((at - gap) & mask)) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = Slot();
  --size_;
}

void KeyIndex::grow() {
  std::vector<Slot> before =
      std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 16 : 2 * slots_.size()));
  for (const Slot& slot : before) {
    if (slot.place.chunk() != 0) slots_[look(slot.hash)] = slot;
  }
}

}  // namespace bus::hub::store
