#include "hub/core/values/key_order.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/event_pattern.h"

namespace bus::hub {

namespace {

constexpr size_t kMostInChunk = 512;

bool is_before(const ValueEntry* entry, std::string_view key) { return entry->key() < key; }

bool asks_for(std::string_view wanted, std::string_view key) {
  EventPattern pattern = parse_event_pattern(wanted);
  bool is_all = pattern.kind == EventPattern::Kind::all;
  return matches(pattern, key) && !(is_all && key.starts_with(kHubKeys));
}

// The least text that is above all with this beginning; its last byte is below 0xff, as that of a key is.
std::string end_of(std::string_view beginning) {
  std::string end(beginning);
  ++end.back();
  return end;
}

}  // namespace

bool are_asked_for(const std::vector<std::string>& keys, std::string_view key) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const std::string& wanted) { return asks_for(wanted, key); });
}

KeyOrder::KeyOrder(ValueTable& table) : table_(table) { table_.add_listener(*this); }

KeyOrder::~KeyOrder() { table_.remove_listener(*this); }

void KeyOrder::leaving(const ValueEntry& entry) { existed_ = entry.visible().exists(); }

void KeyOrder::shown(const ValueEntry& entry, uint64_t before) {
  bool existed = before != 0 && existed_;
  bool exists = entry.visible().exists();
  if (exists && !existed) insert(entry);
  if (!exists && existed) remove(entry);
}

// The last one that begins at or before the key, else the first one.
size_t KeyOrder::chunk_of(std::string_view key) const {
  auto behind = std::partition_point(chunks_.begin(), chunks_.end(),
                                     [&](const Chunk& chunk) { return chunk.front()->key() <= key; });
  return behind == chunks_.begin() ? 0 : static_cast<size_t>(behind - chunks_.begin()) - 1;
}

void KeyOrder::insert(const ValueEntry& entry) {
  if (chunks_.empty()) chunks_.emplace_back();
  size_t number = chunks_.front().empty() ? 0 : chunk_of(entry.key());
  Chunk& chunk = chunks_[number];
  chunk.insert(std::lower_bound(chunk.begin(), chunk.end(), entry.key(), is_before), &entry);
  if (chunk.size() <= kMostInChunk) return;
  auto half = chunk.begin() + static_cast<std::ptrdiff_t>(chunk.size() / 2);
  Chunk upper(half, chunk.end());
  chunk.erase(half, chunk.end());
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(number) + 1, std::move(upper));
}

void KeyOrder::remove(const ValueEntry& entry) {
  size_t number = chunk_of(entry.key());
  Chunk& chunk = chunks_[number];
  auto at = std::lower_bound(chunk.begin(), chunk.end(), entry.key(), is_before);
  BUSD_CHECK(at != chunk.end() && *at == &entry);
  chunk.erase(at);
  if (chunk.empty()) chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(number));
}

const ValueEntry* KeyOrder::at_least(std::string_view key) const {
  if (chunks_.empty()) return nullptr;
  size_t number = chunk_of(key);
  const Chunk& chunk = chunks_[number];
  auto at = std::lower_bound(chunk.begin(), chunk.end(), key, is_before);
  if (at != chunk.end()) return *at;
  return number + 1 < chunks_.size() ? chunks_[number + 1].front() : nullptr;
}

// Nothing stands between a text and the same with a zero byte, which no key has.
const ValueEntry* KeyOrder::behind(std::string_view key) const {
  return at_least(key.empty() ? std::string() : std::string(key) + '\0');
}

const ValueEntry* KeyOrder::first(const std::vector<std::string>& keys, std::string_view after) const {
  const ValueEntry* first = nullptr;
  for (const std::string& wanted : keys) {
    EventPattern pattern = parse_event_pattern(wanted);
    const ValueEntry* found = nullptr;
    if (pattern.kind == EventPattern::Kind::all) {
      found = behind(after);
      if (found != nullptr && found->key().starts_with(kHubKeys)) found = at_least(end_of(kHubKeys));
    } else if (pattern.kind == EventPattern::Kind::prefix) {
      found = behind(std::max(after, pattern.text));
    } else {
      found = after < pattern.text ? at_least(pattern.text) : nullptr;
    }
    if (found == nullptr || !asks_for(wanted, found->key())) continue;
    if (first == nullptr || found->key() < first->key()) first = found;
  }
  return first;
}

}  // namespace bus::hub
