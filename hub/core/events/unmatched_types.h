// Counts since the hub's start, and which event types nobody takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/text_map.h"

namespace bus::hub {

struct TypeCount {
  std::string event_type;
  uint64_t count = 0;
  bool operator==(const TypeCount&) const = default;
};

// Types that nobody takes, with counts, of as many types as fit (PROTOCOL.md 5 and 7).
//
// Types are named by peers, so the table is bounded: when it is full, a new type takes the place, and the
// count, of the rarest ("Space-Saving", Metwally et al. 2005). A type's count may thus be too high by what it
// inherited, but a frequent type is never missed.
class UnmatchedTypes {
 public:
  static constexpr size_t kMaxTypes = 256;

  void count(std::string_view event_type);
  // The most frequent first; equal counts by name.
  std::vector<TypeCount> top(size_t n) const;
  size_t size() const { return counts_.size(); }

 private:
  TextMap<uint64_t> counts_;
};

}  // namespace bus::hub
