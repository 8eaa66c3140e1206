// Looks at all of the cache, and removes what is damaged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "consumer/gocache/place.h"

namespace bus::gocache {

struct Verified {
  uint64_t outputs = 0;  // that were looked at
  uint64_t entries = 0;
  std::vector<std::string> damaged;  // outputs whose bytes are not those of their id
  std::vector<std::string>
      broken;  // entries that cannot be read, or whose output is missing or of another size
  uint64_t removed = 0;
};

// The bytes are hashed by sha256sum(1). Nothing is removed where the place is only to be read.
//
// Error io: there is no sha256sum, or it failed.
Result<Verified> verify(const Place& place);

}  // namespace bus::gocache
