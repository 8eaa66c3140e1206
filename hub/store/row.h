// What a store keeps of values: one row for each key, and what is true of all of them.
//
// The newest state of a key, a tombstone too. Knows neither how a row is written nor what its changes mean: hub/core/values judges.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/shared_text.h"

namespace bus::hub::store {

// One boot of this machine (random(4): boot_id); all zeros: not known, and then equal to no other.
using BootId = std::array<uint8_t, 16>;

struct Expiry {
  BootId boot{};
  int64_t boot_ms = 0;  // on CLOCK_BOOTTIME of that boot
  int64_t wall_ms = 0;  // since 1970, for another boot
  bool operator==(const Expiry&) const = default;
};

struct Row {
  std::string key;
  uint64_t version = 0;
  // The one that the change is expected to get; one that it did not get is corrected by a row of a later batch.
  uint64_t rev = 0;
  SharedText value;        // raw JSON; nullptr: a tombstone
  bool expired = false;    // it is one because its time was over
  uint32_t uid = 0;        // whose change it was
  int64_t changed_ms = 0;  // since 1970
  std::optional<Expiry> expires;
};

struct Meta {
  uint64_t epoch = 0;
  uint64_t floor = 0;  // the versions of keys without a row begin above it
  uint64_t rev = 0;    // one that was given, and that may stand in no row any more
  // No number above them may be given: those that a loss of power takes back must not be given again (start.h).
  uint64_t rev_ceiling = 0;
  uint64_t version_ceiling = 0;
  bool operator==(const Meta&) const = default;
};

// What is committed together, or not at all.
struct Batch {
  uint64_t number = 0;  // the caller's, to tell the answers apart
  bool sync = false;    // it is to survive a loss of power
  std::vector<Row> rows;
  std::vector<std::string> forgotten;  // keys of tombstones; `meta` then has the floor that this raises
  std::optional<Meta> meta;            // one that raises a ceiling is synced
};

}  // namespace bus::hub::store
