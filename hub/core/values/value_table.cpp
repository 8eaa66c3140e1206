#include "hub/core/values/value_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

namespace {

const ValueState& no_state() {
  static const ValueState kNone;
  return kNone;
}

bool fits(const ValueChange& change, const ValueState& newest) {
  if (!change.version) return true;
  if (*change.version == newest.version + 1) return true;
  // A client that knows of no version yet asks for the first one.
  return *change.version == 1 && !newest.exists();
}

// Whether nobody could tell the two apart.
bool is_same(const ValueChange& change, const ValueState& newest) {
  bool is_plain = change.expires == kNever && newest.expires == kNever && change.owner == newest.owner;
  return is_plain && newest.exists() && *change.value == *newest.value &&
         (newest.is_stored || !change.is_stored);
}

// Whose entries these are.
ValueEntry& to_change(const ValueEntry& entry) { return const_cast<ValueEntry&>(entry); }

ValueVerdict verdict_on(const ValueChange& change, const ValueState& newest) {
  if (!change.value && !newest.exists()) return ValueVerdict::not_found;
  if (change.create && newest.exists()) return ValueVerdict::exists;
  if (!fits(change, newest)) return ValueVerdict::stale;
  if (change.if_changed && change.value && is_same(change, newest)) return ValueVerdict::unchanged;
  return ValueVerdict::accepted;
}

}  // namespace

ValueTable::~ValueTable() {
  for (const ValueEntry& entry : entries_) BUSD_CHECK(!entry.waiting_);
}

void ValueTable::begin(const Counters& counters) {
  BUSD_CHECK(entries_.empty() && counters_.rev == 0);
  counters_ = counters;
}

void ValueTable::load(std::string_view key, ValueState state, uint64_t rev) {
  BUSD_CHECK(newest_ == nullptr || rev > newest_->rev_);
  BUSD_CHECK(rev <= counters_.rev && state.version > 0);
  ValueEntry& entry = entry_of(key);
  show(entry, std::move(state), rev);
  for (Listener* each : listeners_) each->accepted(entry, no_state());
}

ValueVerdict ValueTable::verdict_on(const ValueChange& change, const ValueState& newest) const {
  ValueVerdict verdict = hub::verdict_on(change, newest);
  if (verdict != ValueVerdict::accepted) return verdict;
  for (Listener* each : listeners_) {
    if (!each->admits(change, newest)) return ValueVerdict::full;
  }
  return verdict;
}

// The entry that the accepted change is of, and the state that it makes.
ValueEntry& ValueTable::accept(const ValueChange& change, const ValueEntry* known, TimePoint now,
                               ValueState& state) {
  uint64_t above = known != nullptr ? known->newest().version : std::max(counters_.floor, change.above);
  state.version = above + 1;
  state.value = change.value;
  state.expired = change.expired;
  state.is_stored = change.is_stored;
  state.uid = change.uid;
  state.changed = now;
  state.expires = change.expires;
  state.owner = change.owner;
  ValueEntry& entry = known != nullptr ? to_change(*known) : entry_of(change.key);
  // What goes on is not to be forgotten.
  if (entry.rev_ != 0 && !entry.waiting_ && !entry.visible_.exists()) dead_.erase(entry.dead_at_);
  return entry;
}

ValueJudgement ValueTable::judge(const ValueChange& change, const ValueEntry* known, TimePoint now) {
  const ValueState& newest = known != nullptr ? known->newest() : no_state();
  ValueVerdict verdict = verdict_on(change, newest);
  if (verdict != ValueVerdict::accepted) return {verdict, newest.version, known};
  ValueState state;
  ValueEntry& entry = accept(change, known, now, state);
  uint64_t version = state.version;
  const ValueState before = entry.newest();
  if (!entry.waiting_) entry.waiting_ = std::make_unique<std::list<ValueState>>();
  entry.waiting_->push_back(std::move(state));
  for (Listener* each : listeners_) each->accepted(entry, before);
  return {verdict, version, &entry};
}

ValueJudgement ValueTable::apply(const ValueChange& change, const ValueEntry* known, TimePoint now) {
  BUSD_CHECK(known == nullptr || known->waiting() == 0);
  const ValueState& newest = known != nullptr ? known->newest() : no_state();
  ValueVerdict verdict = verdict_on(change, newest);
  if (verdict != ValueVerdict::accepted) return {verdict, newest.version, known};
  ValueState state;
  ValueEntry& entry = accept(change, known, now, state);
  const ValueState before = show(entry, std::move(state), ++counters_.rev);
  for (Listener* each : listeners_) each->accepted(entry, before);
  return {verdict, entry.visible_.version, &entry};
}

void ValueTable::settle(const ValueEntry& which) {
  ValueEntry& entry = to_change(which);
  BUSD_CHECK(entry.waiting_);
  ValueState state = std::move(entry.waiting_->front());
  entry.waiting_->pop_front();
  if (entry.waiting_->empty()) entry.waiting_ = nullptr;
  show(entry, std::move(state), ++counters_.rev);
}

void ValueTable::withdraw(const ValueEntry& which) {
  ValueEntry& entry = to_change(which);
  BUSD_CHECK(entry.waiting_);
  const ValueState before = std::move(entry.waiting_->back());
  entry.waiting_ = nullptr;
  for (Listener* each : listeners_) each->accepted(entry, before);
  if (entry.rev_ == 0) return erase(entry);
  if (!entry.visible_.exists()) bury(entry);
}

const ValueEntry* ValueTable::find(std::string_view key) const {
  auto at = entries_.find(key);
  return at == entries_.end() ? nullptr : &*at;
}

const ValueEntry* ValueTable::superfluous(TimePoint now) const {
  if (dead_.empty()) return nullptr;
  const ValueEntry* oldest = dead_.front();
  bool is_one_too_many = dead_.size() > limits_.tombstones;
  return is_one_too_many || now >= oldest->visible_.changed + limits_.tombstone_age ? oldest : nullptr;
}

TimePoint ValueTable::next_superfluous() const {
  return dead_.empty() ? kNever : dead_.front()->visible_.changed + limits_.tombstone_age;
}

void ValueTable::forget(std::string_view key) {
  ValueEntry& entry = entry_of(key);
  BUSD_CHECK(!entry.visible_.exists() && !entry.waiting_);
  counters_.floor = std::max(counters_.floor, entry.visible_.version);
  counters_.forgotten_rev = std::max(counters_.forgotten_rev, entry.rev_);
  dead_.erase(entry.dead_at_);
  erase(entry);
}

ValueEntry& ValueTable::entry_of(std::string_view key) {
  auto at = entries_.find(key);
  return to_change(at == entries_.end() ? *entries_.emplace(key).first : *at);
}

// The state before.
ValueState ValueTable::show(ValueEntry& entry, ValueState state, uint64_t rev) {
  uint64_t before = entry.rev_;
  if (before != 0) {
    for (Listener* each : listeners_) each->leaving(entry);
    count(entry, false);
    unlink(entry);
  }
  ValueState former = std::exchange(entry.visible_, std::move(state));
  entry.rev_ = rev;
  link_newest(entry);
  count(entry, true);
  if (!entry.visible_.exists() && !entry.waiting_) bury(entry);
  for (Listener* each : listeners_) each->shown(entry, before);
  return former;
}

// From the newest one back: only what was taken back is not the newest itself.
void ValueTable::bury(ValueEntry& entry) {
  auto behind = dead_.end();
  while (behind != dead_.begin() && (*std::prev(behind))->rev_ > entry.rev_) --behind;
  entry.dead_at_ = dead_.insert(behind, &entry);
}

void ValueTable::link_newest(ValueEntry& entry) {
  entry.older_ = newest_;
  entry.newer_ = nullptr;
  (newest_ != nullptr ? newest_->newer_ : oldest_) = &entry;
  newest_ = &entry;
}

void ValueTable::unlink(ValueEntry& entry) {
  (entry.older_ != nullptr ? entry.older_->newer_ : oldest_) = entry.newer_;
  (entry.newer_ != nullptr ? entry.newer_->older_ : newest_) = entry.older_;
}

void ValueTable::count(const ValueEntry& entry, bool in) {
  bool exists = entry.visible_.exists();
  size_t bytes = exists ? entry.key().size() + entry.visible_.value.size() : 0;
  size_t& number = exists ? keys_ : tombstones_;
  number = in ? number + 1 : number - 1;
  bytes_ = in ? bytes_ + bytes : bytes_ - bytes;
}

void ValueTable::erase(ValueEntry& entry) {
  if (entry.rev_ != 0) {
    for (Listener* each : listeners_) each->leaving(entry);
    count(entry, false);
    unlink(entry);
    for (Listener* each : listeners_) each->forgotten(entry);
  }
  entries_.erase(entries_.find(entry.key()));
}

}  // namespace bus::hub
