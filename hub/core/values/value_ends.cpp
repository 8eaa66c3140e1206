#include "hub/core/values/value_ends.h"

namespace bus::hub {

ValueEnds::ValueEnds(ValueTable& table) : table_(table) { table_.add_listener(*this); }

ValueEnds::~ValueEnds() { table_.remove_listener(*this); }

const ValueEntry* ValueEnds::due(TimePoint now) const {
  return next() <= now ? by_time_.begin()->second : nullptr;
}

std::vector<std::string> ValueEnds::owned_by(PeerId peer) const {
  std::vector<std::string> keys;
  auto at = by_owner_.find(peer);
  if (at == by_owner_.end()) return keys;
  for (const ValueEntry* entry : at->second) keys.emplace_back(entry->key());
  return keys;
}

std::vector<PeerId> ValueEnds::owners() const {
  std::vector<PeerId> peers;
  for (const auto& [peer, entries] : by_owner_) peers.push_back(peer);
  return peers;
}

size_t ValueEnds::held() const {
  size_t held = 0;
  for (const auto& [peer, entries] : by_owner_) held += entries.size();
  return held;
}

void ValueEnds::accepted(const ValueEntry& entry, const ValueState& before) {
  const ValueState& newest = entry.newest();
  if (before.expires != kNever) by_time_.erase({before.expires, &entry});
  if (newest.expires != kNever) by_time_.insert({newest.expires, &entry});
  if (before.owner == newest.owner) return;
  if (auto at = by_owner_.find(before.owner); at != by_owner_.end()) {
    at->second.erase(&entry);
    if (at->second.empty()) by_owner_.erase(at);
  }
  if (newest.owner != 0) by_owner_[newest.owner].insert(&entry);
}

}  // namespace bus::hub
