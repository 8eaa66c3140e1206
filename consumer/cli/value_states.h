// What a watch of values has told so far, as its user has to know it: which keys exist, and which states are still to
// be given to a command. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "busd/consumer.hpp"

namespace bus::cli {

// The keys that exist. After a break the hub may begin anew, and then says nothing of keys that are gone.
class KnownKeys {
 public:
  void take(const busd::Value& value);
  // At a break.
  void doubt_all();
  // At a `synced`: the keys that are gone without a word, in the order of their bytes. They are not known any more.
  std::vector<std::string> vanished(const busd::Synced& synced);

 private:
  std::map<std::string, bool, std::less<>>
      keys_;  // whether a snapshot has told it since the last doubt_all() or `synced`
};

// The newest state of each key that waits for a command, in the order in which they began to wait.
class PendingStates {
 public:
  // Replaces an older state of the same key, which counts as skipped.
  void put(busd::Value value);
  std::optional<busd::Value> next();
  bool empty() const { return order_.empty(); }

 private:
  std::deque<std::string> order_;
  std::unordered_map<std::string, busd::Value> states_;
};

}  // namespace bus::cli
