// The keys that exist, in the order of their bytes, and which of them a list of keys and patterns asks for.
//
// In chunks, so that a new key moves few others; a change of a key that exists moves none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/values/value_table.h"

namespace bus::hub {

// Those of the hub itself: `*` does not match them.
inline constexpr std::string_view kHubKeys = "bus.";

// Whether one of these keys and patterns is, or matches, the key.
bool are_asked_for(const std::vector<std::string>& keys, std::string_view key);

class KeyOrder final : public ValueTable::Listener {
 public:
  explicit KeyOrder(ValueTable& table);
  ~KeyOrder() override;
  KeyOrder(const KeyOrder&) = delete;
  KeyOrder& operator=(const KeyOrder&) = delete;

  // The first key behind `after` that is asked for; nullptr: there is none. Takes the logarithm of the number of keys, for
  // each of `keys`.
  const ValueEntry* first(const std::vector<std::string>& keys, std::string_view after) const;

 private:
  using Chunk = std::vector<const ValueEntry*>;

  void leaving(const ValueEntry& entry) override;
  void shown(const ValueEntry& entry, uint64_t before) override;

  void insert(const ValueEntry& entry);
  void remove(const ValueEntry& entry);
  size_t chunk_of(std::string_view key) const;
  const ValueEntry* at_least(std::string_view key) const;
  const ValueEntry* behind(std::string_view key) const;

  ValueTable& table_;
  std::vector<Chunk> chunks_;  // none is empty
  bool existed_ = false;       // the entry that has left and not been shown again
};

}  // namespace bus::hub
