// In which chunk the newest entry of each key is, and how large that entry is.
//
// 24 bytes a key, in a table that is at most 7/8 full: it holds a keyed hash of 128 bits instead of the key. Two keys taken for one
// would lose a value; with a random hash key that needs about 2^64 keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/base/siphash.h"

namespace bus::hub::store {

// Good for a million commits a second and nine years.
inline constexpr uint64_t kMostChunks = (uint64_t{1} << 48) - 1;

// Of bytes, as they are counted here, which is all that it is for: rounded up to 64, and at most 4 MiB, which no entry reaches.
inline constexpr uint64_t kUnitBytes = 64;
constexpr uint64_t units_of(size_t bytes) {
  constexpr uint64_t kMost = 0xffff;
  uint64_t units = (bytes + kUnitBytes - 1) / kUnitBytes;
  return units < kMost ? units : kMost;
}

class KeyIndex {
 public:
  class Place {
   public:
    Place() = default;
    Place(uint64_t chunk, uint64_t units) : packed_(chunk << 16U | units) {}
    uint64_t chunk() const { return packed_ >> 16U; }  // 0: none
    uint64_t units() const { return packed_ & 0xffffU; }

   private:
    uint64_t packed_ = 0;
  };

  explicit KeyIndex(const uint64_t hash_key[2]) : hash_key_{hash_key[0], hash_key[1]} {}

  // Until the next call of at() or erase(); nullptr: the key has none.
  Place* find(std::string_view key);
  // The same, and a new one with chunk 0 if the key has none. It must be given a chunk before the next call.
  Place& at(std::string_view key);
  void erase(std::string_view key);

  size_t size() const { return size_; }

 private:
  struct Slot {
    Hash128 hash;
    Place place;
  };
  size_t home(const Hash128& hash) const { return hash.low & (slots_.size() - 1); }
  // The slot of the hash, or the free one where it belongs. There is always one that is free.
  size_t look(const Hash128& hash) const;
  void grow();

  uint64_t hash_key_[2];
  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace bus::hub::store
