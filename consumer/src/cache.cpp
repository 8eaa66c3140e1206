#include "consumer/src/cache.h"

#include <utility>

#include "busd/values.h"
#include "consumer/src/text.h"

namespace bus::sdk {

bool Cache::take(const busd_item& item) {
  if (item.kind == BUSD_ITEM_BREAK) {
    ++round_;
    return std::exchange(synced_, false);
  }
  if (item.call != watch_) return false;
  if (item.kind == BUSD_ITEM_VALUE) return take_value(item);
  if (item.kind == BUSD_ITEM_SYNCED) return take_synced(item.synced->reset != 0);
  if (item.kind == BUSD_ITEM_WATCH_END) return std::exchange(synced_, false);
  return false;
}

bool Cache::take_value(const busd_item& item) {
  const busd_value& told = *item.value;
  std::string_view key = view_of(told.key);
  auto at = entries_.find(key);
  // A snapshot after the first one: the watch begins anew.
  bool fell_out = told.snapshot != 0 && std::exchange(synced_, false);
  if (told.deleted != 0) {
    if (at == entries_.end()) return fell_out;
    entries_.erase(at);
    ++generation_;
    return true;
  }
  bool is_new = at == entries_.end();
  if (is_new) at = entries_.emplace(std::string(key), Entry{}).first;
  Entry& entry = at->second;
  entry.round = told.snapshot != 0 ? round_ : 0;
  KeyFact& fact = entry.fact;
  bool changed = is_new || fact.rev != told.rev || fact.version != told.version ||
                 fact.value != view_of(told.value);  // as versions of another epoch may be the same
  fact.key = key;
  fact.version = told.version;
  fact.rev = told.rev;
  fact.age_ms = told.age_ms;
  fact.ttl_ms = told.ttl_ms;
  fact.skipped = told.skipped;
  fact.value = view_of(told.value);
  if (changed) ++generation_;
  return changed || fell_out;
}

bool Cache::take_synced(bool reset) {
  bool changed = !std::exchange(synced_, true);
  if (reset) {
    bool dropped =
        std::erase_if(entries_, [this](const auto& each) { return each.second.round != round_; }) > 0;
    if (dropped) ++generation_;
    changed = changed || dropped;
  }
  ++round_;
  return changed;
}

const KeyFact* Cache::find(std::string_view key) const {
  auto at = entries_.find(key);
  return at == entries_.end() ? nullptr : &at->second.fact;
}

const KeyFact* Cache::next(std::string_view after) const {
  auto at = after.empty() ? entries_.begin() : entries_.upper_bound(after);
  return at == entries_.end() ? nullptr : &at->second.fact;
}

}  // namespace bus::sdk
