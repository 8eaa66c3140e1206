// What the hub says of values, as an item holds it (PROTOCOL.md 11).
//
// Owns its text, unlike the messages of the wire: the item may be kept after its frame has gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "busd/consumer.h"

namespace bus::sdk {

// The state of a key.
struct KeyFact {
  std::string key;
  uint64_t version = 0;
  uint64_t rev = 0;
  uint64_t age_ms = 0;
  uint64_t ttl_ms = 0;  // 0: none
  uint64_t uid = 0;
  uint64_t skipped = 0;
  bool deleted = false;
  bool expired = false;
  bool snapshot = false;
  std::string value;  // raw JSON; empty: it is deleted, null, or was left out
};

struct ValueNews {
  enum class Of : uint8_t { none, change, get, list };
  Of of = Of::none;  // of an answer: what it answers
  busd_result result = BUSD_OK;
  std::string code;
  // Of a change that was made.
  uint64_t version = 0;
  uint64_t rev = 0;  // of synced, too
  bool unchanged = false;
  std::vector<KeyFact> keys;  // one, of a list any number; of a change that was refused, what the key has now
  std::string next;           // of a list
  // Of synced.
  std::string epoch;
  uint64_t count = 0;
  bool reset = false;
};

}  // namespace bus::sdk
