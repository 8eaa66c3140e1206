#include "consumer/cli/value_states.h"

#include <utility>

namespace bus::cli {

void KnownKeys::take(const busd::Value& value) {
  if (value.deleted) {
    keys_.erase(value.key);
  } else {
    // Only a snapshot tells what there is: what changed before it may be gone again.
    keys_.insert_or_assign(value.key, value.snapshot);
  }
}

void KnownKeys::doubt_all() {
  for (auto& [key, told] : keys_) told = false;
}

std::vector<std::string> KnownKeys::vanished(const busd::Synced& synced) {
  std::vector<std::string> gone;
  if (synced.reset) {
    for (const auto& [key, told] : keys_) {
      if (!told) gone.push_back(key);
    }
    for (const std::string& key : gone) keys_.erase(key);
  }
  // The hub may begin anew without a break, too (PROTOCOL.md 11, Resuming).
  doubt_all();
  return gone;
}

void PendingStates::put(busd::Value value) {
  auto found = states_.find(value.key);
  if (found == states_.end()) {
    order_.push_back(value.key);
    std::string key = value.key;
    states_.emplace(std::move(key), std::move(value));
    return;
  }
  value.skipped += found->second.skipped + 1;
  found->second = std::move(value);
}

std::optional<busd::Value> PendingStates::next() {
  if (order_.empty()) return std::nullopt;
  auto found = states_.find(order_.front());
  std::optional<busd::Value> value = std::move(found->second);
  states_.erase(found);
  order_.pop_front();
  return value;
}

}  // namespace bus::cli
