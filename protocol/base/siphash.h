// SipHash-2-4 with 128 bits of output: a keyed hash, so that no peer can choose texts that collide.
//
// After J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (2012); checked in the tests
// against the authors' published vectors.
#pragma once

#include <cstdint>
#include <string_view>

namespace bus {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

Hash128 siphash128(const uint64_t key[2], std::string_view text);

}  // namespace bus
