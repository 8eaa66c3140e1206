#include "hub/core/values/value_operations.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

ValueOperations::~ValueOperations() { withdraw_all(); }

void ValueOperations::take(ValueOperationPtr operation, TimePoint now) {
  if (operation->change) operation->change->key = operation->key;
  auto line = lines_.find(operation->from);
  bool must_wait = operation->from != 0 && line != lines_.end();
  bool is_judged_later = must_wait && line->second.ends_unjudged;
  const ValueEntry* entry = operation->change ? table_.find(operation->key) : nullptr;
  if (!is_judged_later && operation->change && needs_store(*operation, entry)) {
    judge(std::move(operation), entry, now);
  } else if (must_wait) {
    hold(line->second.last_batch, {std::move(operation)});
  } else {
    run(*operation, entry, now);
  }
}

bool ValueOperations::needs_store(const ValueOperation& operation, const ValueEntry* entry) const {
  if (!has_store_ && operation.is_hubs) return false;
  bool is_stored = entry != nullptr && (entry->waiting() > 0 || entry->newest().is_stored);
  return is_stored || operation.change->is_stored;
}

// Now, before anybody else.
void ValueOperations::run(ValueOperation& operation, const ValueEntry* entry, TimePoint now) {
  if (!operation.change) return owner_.look(operation);
  owner_.judged(operation, table_.apply(*operation.change, entry, now));
}

// It is seen, or refused, when what it was judged by is seen.
void ValueOperations::judge(ValueOperationPtr operation, const ValueEntry* known, TimePoint now) {
  if (!has_store_) return owner_.not_stored(*operation);
  Held held;
  held.judgement = table_.judge(*operation->change, known, now);
  const ValueEntry* entry = held.judgement->entry;
  uint64_t batch = 0;
  if (held.is_accepted()) {
    Batch& open = open_batch();
    open.sync = open.sync || operation->sync;
    open.rows.push_back(row_of(operation->key, entry->newest()));
    batch_of_[entry] = batch = open.number;
  } else {
    if (auto at = batch_of_.find(entry); at != batch_of_.end()) batch = at->second;
    if (auto at = lines_.find(operation->from); operation->from != 0 && at != lines_.end())
      batch = std::max(batch, at->second.last_batch);
    if (batch == 0) return owner_.judged(*operation, *held.judgement);
  }
  held.operation = std::move(operation);
  hold(batch, std::move(held));
}

ValueRow ValueOperations::row_of(std::string_view key, const ValueState& state) {
  ValueRow row{std::string(key), state, 0};
  if (!row.state.is_stored) row.state.value = nullptr;
  return row;
}

void ValueOperations::hold(uint64_t batch, Held held) {
  ++waiting_;
  if (held.operation->from != 0) {
    Line& line = lines_[held.operation->from];
    ++line.waiting.operations;
    line.waiting.bytes += held.operation->bytes;
    line.last_batch = batch;
    line.ends_unjudged = !held.judgement;
  }
  BUSD_CHECK(!batches_.empty() && batch >= batches_.front().number);
  batches_[batch - batches_.front().number].held.push_back(std::move(held));
}

// It waits no longer.
void ValueOperations::release(const Held& held) {
  --waiting_;
  if (held.operation->from == 0) return;
  auto at = lines_.find(held.operation->from);
  BUSD_CHECK(at != lines_.end());
  at->second.waiting.bytes -= held.operation->bytes;
  if (--at->second.waiting.operations == 0) lines_.erase(at);
}

ValueOperations::Batch& ValueOperations::open_batch() {
  if (!std::exchange(is_open_, true)) {
    batches_.emplace_back();
    batches_.back().number = ++last_number_;
  }
  return batches_.back();
}

std::optional<ValueBatch> ValueOperations::end_turn() {
  correct_revs();
  if (!std::exchange(is_open_, false)) return std::nullopt;
  Batch& batch = batches_.back();
  for (size_t at = batch.corrections; at < batch.rows.size(); ++at) {
    batch.rows[at].rev = table_.counters().rev + ++unsettled_;
    batch.revs.push_back(batch.rows[at].rev);
  }
  return ValueBatch{batch.number, batch.sync, std::move(batch.rows)};
}

// In front of the batch's own rows. One that is to be changed again gets its rev by that.
void ValueOperations::correct_revs() {
  std::vector<ValueRow> rows;
  for (auto at = wrong_revs_.begin(); at != wrong_revs_.end();) {
    const ValueEntry* entry = table_.find(*at);
    if (entry != nullptr && entry->waiting() > 0) {
      ++at;
      continue;
    }
    if (entry != nullptr) {
      rows.push_back(row_of(*at, entry->visible()));
      rows.back().rev = entry->rev();
    }
    at = wrong_revs_.erase(at);
  }
  if (rows.empty()) return;
  Batch& batch = open_batch();
  batch.corrections = rows.size();
  corrections_ += rows.size();
  batch.rows.insert(batch.rows.begin(), std::make_move_iterator(rows.begin()),
                    std::make_move_iterator(rows.end()));
}

void ValueOperations::committed(uint64_t number, TimePoint now) {
  BUSD_CHECK(!batches_.empty() && batches_.front().number == number);
  Batch batch = std::move(batches_.front());
  batches_.pop_front();
  corrections_ -= batch.corrections;
  // All of these first, for what was not judged may wait again, behind what it does.
  for (const Held& held : batch.held) {
    if (!held.operation) continue;
    release(held);
    if (!held.judgement) ++to_be_taken_[held.operation->from];
  }
  std::vector<ValueOperationPtr> unjudged;
  auto rev = batch.revs.begin();
  for (Held& held : batch.held) {
    if (!held.operation) continue;
    if (!held.judgement) {
      unjudged.push_back(std::move(held.operation));
      continue;
    }
    if (held.is_accepted()) {
      settle(*held.judgement->entry, *rev++);
    } else {
      // What it was judged by may have gone, and come again.
      held.judgement->entry = table_.find(held.operation->key);
    }
    owner_.judged(*held.operation, *held.judgement);
  }
  for (ValueOperationPtr& operation : unjudged) {
    auto at = to_be_taken_.find(operation->from);
    if (--at->second == 0) to_be_taken_.erase(at);
    take(std::move(operation), now);
  }
}

void ValueOperations::settle(const ValueEntry& entry, uint64_t expected_rev) {
  table_.settle(entry);
  --unsettled_;
  if (entry.waiting() == 0) batch_of_.erase(&entry);
  if (entry.rev() != expected_rev) {
    wrong_revs_.emplace(entry.key());
  } else if (!wrong_revs_.empty()) {
    wrong_revs_.erase(std::string(entry.key()));
  }
}

void ValueOperations::failed(TimePoint now) {
  has_store_ = false;
  waiting_ = unsettled_ = corrections_ = 0;
  wrong_revs_.clear();
  std::deque<Batch> batches = std::exchange(batches_, {});
  is_open_ = false;
  lines_.clear();
  withdraw_all();
  // First, so that nothing is judged by what has ended. Ends that waited were perhaps of what was taken back.
  owner_.taken_back();
  // In the order of each connection: nothing waits any more.
  for (Batch& batch : batches) {
    for (Held& held : batch.held) {
      if (!held.operation) continue;
      if (!held.is_accepted()) {
        take(std::move(held.operation), now);
      } else if (!held.operation->is_hubs) {
        owner_.not_stored(*held.operation);
      }
    }
  }
}

void ValueOperations::withdraw_all() {
  for (const auto& [entry, batch] : std::exchange(batch_of_, {})) table_.withdraw(*entry);
}

void ValueOperations::forget(PeerId peer) {
  lines_.erase(peer);
  for (Batch& batch : batches_) {
    for (Held& held : batch.held) {
      if (!held.operation || held.operation->from != peer) continue;
      if (held.is_accepted() || held.operation->stays) {
        held.operation->from = 0;
      } else {
        held.operation.reset();
        --waiting_;
      }
    }
  }
}

ValueOperations::Waiting ValueOperations::waiting(PeerId peer) const {
  auto at = lines_.find(peer);
  Waiting waiting = at == lines_.end() ? Waiting() : at->second.waiting;
  if (auto taken = to_be_taken_.find(peer); taken != to_be_taken_.end()) waiting.operations += taken->second;
  return waiting;
}

}  // namespace bus::hub
