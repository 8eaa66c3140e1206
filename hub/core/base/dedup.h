// The event ids that one source sent lately (PROTOCOL.md 5, dedup).
//
// Remembers the last kMaxDedupIds ids for `window`, as keyed 128-bit hashes: an id may be as long as a frame,
// and its hash is 16 bytes. Two different ids taken for one would lose an event; with a random key that needs
// about 2^64 ids. O(1) per id, memory grows with the ids that are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/base/ring.h"
#include "protocol/base/clock.h"
#include "protocol/base/siphash.h"

namespace bus::hub {

inline constexpr size_t kMaxDedupIds = 10'000;

class DedupWindow {
 public:
  // Whether `id` was seen within `window` before `now`; if not, remembers it. Seeing it again does not
  // prolong its time. Its memory is charged to `meter`, if there is one.
  bool seen(const uint64_t key[2], std::string_view id, Duration window, TimePoint now,
            Meter* meter = nullptr);

  // Forgets the older half, and gives back memory.
  void forget_half(Meter* meter);

  size_t size() const { return ids_.size(); }
  size_t memory_bytes() const { return ids_.memory_bytes() + slots_.capacity() * sizeof(uint32_t); }

 private:
  struct Id {
    Hash128 hash;
    TimePoint at;
  };

  // Open addressing with linear probing. Ids are numbered in the order they came, modulo kNumbers, which is
  // more than are ever remembered; a slot holds 1 + the number, 0 when it is free.
  static constexpr uint32_t kNumbers = 65536;
  static_assert(kMaxDedupIds < kNumbers);

  bool find(const Hash128& hash) const;
  void insert(const Hash128& hash, uint32_t number);
  void forget_oldest();
  void resize(size_t slots);
  void charge(Meter* meter);
  uint32_t number_of_place(size_t place) const { return (oldest_ + static_cast<uint32_t>(place)) % kNumbers; }
  const Hash128& hash_in(uint32_t slot) const {
    return ids_[(slot - 1 + kNumbers - oldest_) % kNumbers].hash;
  }
  size_t home(const Hash128& hash) const { return hash.low & (slots_.size() - 1); }

  Ring<Id> ids_;
  std::vector<uint32_t> slots_;
  uint32_t oldest_ = 0;  // number of ids_.front()
  size_t charged_bytes_ = 0;
  Charge charge_;
};

}  // namespace bus::hub
