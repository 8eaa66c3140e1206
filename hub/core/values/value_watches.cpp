#include "hub/core/values/value_watches.h"

#include <algorithm>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

namespace {

// Of a watch that asks for few keys, these are looked up; for more, all keys are gone through.
constexpr size_t kMostLookedUp = 256;

}  // namespace

ValueWatches::ValueWatches(ValueTable& table, const KeyOrder& keys, Owner& owner)
    : table_(table), keys_(keys), owner_(owner) {
  table_.add_listener(*this);
}

ValueWatches::~ValueWatches() {
  BUSD_CHECK(standing_.empty() && watches_ == 0);
  table_.remove_listener(*this);
}

void ValueWatches::add(ValueWatch& watch) {
  ++watches_;
  router_.subscribe(watch, watch.keys());
  // What it does not know of may be gone, or it knows of what never was.
  uint64_t since = watch.order_.since;
  bool is_known = since >= table_.forgotten_rev() && since <= table_.counters().rev;
  if (since != 0 && !is_known) watch.order_.reset = true;
  if (watch.order_.reset) watch.order_.since = 0;
  begin(watch);
}

void ValueWatches::remove(ValueWatch& watch) {
  --watches_;
  take_up(watch);
  router_.unsubscribe(watch, watch.keys());
}

// Everything that it is to be sent before `synced` is behind `since`.
void ValueWatches::begin(ValueWatch& watch) {
  take_up(watch);
  watch.sent_rev_ = watch.order_.since;
  watch.syncs_ = true;
  watch.sync_rev_ = table_.counters().rev;
  watch.deleted_until_ = watch.order_.since == 0 ? watch.sync_rev_ : 0;
  watch.keys_sent_ = 0;
  watch.skipped_.clear();
  watch.first_.clear();
  const ValueEntry* at = nullptr;
  if (watch.order_.since == 0) {
    if (!find_first(watch)) at = table_.oldest();
  } else {
    // Most often there is little behind it.
    for (const ValueEntry* entry = table_.newest(); entry != nullptr && entry->rev() > watch.order_.since;
         entry = entry->older()) {
      at = entry;
    }
  }
  stand(watch, at);
}

// False: they are many.
bool ValueWatches::find_first(ValueWatch& watch) const {
  size_t most = kMostLookedUp;
  for (const ValueEntry* entry = keys_.first(watch.keys(), {}); entry != nullptr;
       entry = keys_.first(watch.keys(), entry->key())) {
    if (most-- == 0) {
      watch.first_.clear();
      return false;
    }
    watch.first_.emplace_back(entry->rev(), entry->key());
  }
  std::sort(watch.first_.rbegin(), watch.first_.rend());
  return true;
}

// One that has changed since comes later, by the order of revs.
const ValueEntry* ValueWatches::next_of_first(ValueWatch& watch, size_t& most) {
  for (; most > 0 && !watch.first_.empty(); --most) {
    auto [rev, key] = std::move(watch.first_.back());
    watch.first_.pop_back();
    const ValueEntry* entry = table_.find(key);
    if (entry != nullptr && entry->rev() == rev) return entry;
  }
  return nullptr;
}

WatchStep ValueWatches::value_of(ValueWatch& watch, const ValueEntry& entry) const {
  watch.sent_rev_ = entry.rev();
  WatchStep step;
  // One that begins is not shown what has ended. Another one may know of the key: it is told of this state, and soon of its end.
  bool knows_nothing = watch.syncs_ && watch.order_.since == 0;
  if (knows_nothing && entry.visible().exists() && owner_.is_over(entry)) {
    ++watch.skipped_[&entry];
    return step;
  }
  if (auto at = watch.skipped_.find(&entry); at != watch.skipped_.end()) {
    step.skipped = at->second;
    watch.skipped_.erase(at);
  }
  if (!entry.visible().exists() && entry.rev() <= watch.deleted_until_) return step;
  step.kind = WatchStep::Kind::value;
  step.entry = &entry;
  step.is_snapshot = watch.syncs_;
  if (watch.syncs_) ++watch.keys_sent_;
  return step;
}

WatchStep ValueWatches::next(ValueWatch& watch, size_t& most) {
  while (const ValueEntry* entry = next_of_first(watch, most)) {
    if (WatchStep step = value_of(watch, *entry); step.kind != WatchStep::Kind::nothing) return step;
  }
  for (; most > 0; --most) {
    const ValueEntry* entry = watch.next_;
    if (watch.syncs_ && (entry == nullptr || entry->rev() > watch.sync_rev_)) {
      watch.syncs_ = false;
      watch.sent_rev_ = std::max(watch.sent_rev_, watch.sync_rev_);
      WatchStep step;
      step.kind = WatchStep::Kind::synced;
      step.rev = watch.sync_rev_;
      step.keys = watch.keys_sent_;
      step.reset = std::exchange(watch.order_.reset, false);
      return step;
    }
    if (entry == nullptr) {
      watch.is_awake_ = false;
      return {};
    }
    const ValueEntry* behind = entry->newer();
    take_up(watch);
    stand(watch, behind);
    if (!are_asked_for(watch.keys(), entry->key())) continue;
    if (WatchStep step = value_of(watch, *entry); step.kind != WatchStep::Kind::nothing) return step;
  }
  return {};
}

// The entry becomes the newest one, and a watch that stands at it goes on behind it.
void ValueWatches::leaving(const ValueEntry& entry) {
  auto at = standing_.find(&entry);
  if (at == standing_.end()) return;
  std::vector<ValueWatch*> watches = std::move(at->second);
  standing_.erase(at);
  for (ValueWatch* watch : watches) {
    watch->next_ = nullptr;
    stand(*watch, entry.newer());
    if (entry.newer() == nullptr) left_.push_back(watch);
  }
}

void ValueWatches::shown(const ValueEntry& entry, uint64_t before) {
  left_.clear();
  if (watches_ == 0) return;
  bool is_own = std::string_view(entry.key()).starts_with(kHubKeys);
  for (Subscriber* subscriber : router_.route(entry.key())) {
    auto& watch = static_cast<ValueWatch&>(*subscriber);
    if (is_own && !are_asked_for(watch.keys(), entry.key())) continue;
    // What it has not been sent of before is not sent any more.
    if (before > watch.sent_rev_) {
      ++watch.skipped_[&entry];
      if (watch.syncs_ && before <= watch.sync_rev_) watch.sync_rev_ = entry.rev();
    }
    if (watch.next_ == nullptr) stand(watch, &entry);
    if (!std::exchange(watch.is_awake_, true)) owner_.watch_woken(watch);
  }
}

// A watch that has not been told of the deletion can no longer be told: it begins anew.
void ValueWatches::forgotten(const ValueEntry& entry) {
  std::vector<ValueWatch*> behind = std::exchange(left_, {});
  for (const auto& [at, watches] : standing_) behind.insert(behind.end(), watches.begin(), watches.end());
  for (ValueWatch* watch : behind) {
    watch->skipped_.erase(&entry);
    bool is_untold = entry.rev() > watch->sent_rev_ && entry.rev() > watch->deleted_until_;
    if (!is_untold || !are_asked_for(watch->keys(), entry.key())) continue;
    watch->order_.since = 0;
    watch->order_.reset = true;
    begin(*watch);
  }
}

void ValueWatches::stand(ValueWatch& watch, const ValueEntry* entry) {
  watch.next_ = entry;
  if (entry != nullptr) standing_[entry].push_back(&watch);
}

void ValueWatches::take_up(ValueWatch& watch) {
  auto at = standing_.find(watch.next_);
  watch.next_ = nullptr;
  if (at == standing_.end()) return;
  std::erase(at->second, &watch);
  if (at->second.empty()) standing_.erase(at);
}

}  // namespace bus::hub
