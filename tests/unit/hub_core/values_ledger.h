// What random histories of values have shown: every number that was ever given, and to what.
//
// All that any frame shows is noted here, whoever read it and in whichever run of the hub, so that a number that is given twice is found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace bus::test {

// A state of a key, as frames show it.
struct ShownState {
  uint64_t version = 0;
  uint64_t rev = 0;
  std::string value;  // empty: deleted

  bool exists() const { return !value.empty(); }
  bool operator==(const ShownState&) const = default;
};

class ValuesLedger {
 public:
  // What is wrong with it; empty: nothing.
  std::string note(const std::string& key, const ShownState& state) {
    std::string what = key + " v" + std::to_string(state.version) + " r" + std::to_string(state.rev);
    if (state.version == 0 || state.rev == 0) return what + ": has no number";
    auto version = versions_[key].emplace(state.version, state.value).first;
    if (version->second != state.value)
      return what + ": is " + state.value + ", and was shown as " + version->second;
    auto rev = revs_.emplace(state.rev, std::pair(key, state.version)).first;
    // Behind a loss the version of a tombstone is raised; it stays the deletion that it is.
    bool is_raised = rev->second.first == key && !state.exists() && rev->second.second < state.version;
    if (is_raised) rev->second.second = state.version;
    if (rev->second != std::pair(key, state.version)) {
      return what + ": the rev was that of " + rev->second.first + " v" + std::to_string(rev->second.second);
    }
    highest_rev_ = std::max(highest_rev_, state.rev);
    shown_.emplace(key, state.value);
    return {};
  }
  // A change is answered by the version that it made; false: another one was told the same.
  bool claim(const std::string& key, uint64_t version) { return claimed_.emplace(key, version).second; }

  // What is known of a version; nullptr: nothing.
  const std::string* value_of(const std::string& key, uint64_t version) const {
    auto at = versions_.find(key);
    if (at == versions_.end()) return nullptr;
    auto state = at->second.find(version);
    return state == at->second.end() ? nullptr : &state->second;
  }
  // What was shown of the key, from that version on; "" for a deletion, of which one may have been shown to nobody.
  std::set<std::string> values_since(const std::string& key, uint64_t version) const {
    std::set<std::string> out;
    auto at = versions_.find(key);
    if (at == versions_.end()) return out;
    for (auto state = at->second.lower_bound(version); state != at->second.end(); ++state)
      out.insert(state->second);
    uint64_t expected = version;
    for (auto state = at->second.lower_bound(version); state != at->second.end(); ++state) {
      if (state->first != expected) out.insert("");
      expected = state->first + 1;
    }
    return out;
  }
  bool was_shown(const std::string& key, const std::string& value) const {
    return shown_.count({key, value}) > 0;
  }
  uint64_t highest_version(const std::string& key) const {
    auto at = versions_.find(key);
    return at == versions_.end() ? 0 : at->second.rbegin()->first;
  }
  uint64_t highest_rev() const { return highest_rev_; }

 private:
  std::map<std::string, std::map<uint64_t, std::string>> versions_;
  std::map<uint64_t, std::pair<std::string, uint64_t>> revs_;
  std::set<std::pair<std::string, uint64_t>> claimed_;
  std::set<std::pair<std::string, std::string>> shown_;
  uint64_t highest_rev_ = 0;
};

}  // namespace bus::test
