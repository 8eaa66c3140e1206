// Text looked at eight bytes at a time: which of them are of some kind.
//
// Each function marks such bytes by their high bits; what is marked behind the first one may be wrong, so an answer
// says whether there is any. For short texts; protocol/scan is for long ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bus {

namespace eight_bytes {

inline constexpr uint64_t kEach = 0x0101010101010101;
inline constexpr uint64_t kHighBits = 0x80 * kEach;

// `limit` is at most 0x80.
constexpr uint64_t below(uint64_t word, uint64_t limit) { return (word - kEach * limit) & ~word & kHighBits; }
constexpr uint64_t equal(uint64_t word, uint64_t value) { return below(word ^ (kEach * value), 1); }
constexpr uint64_t not_ascii(uint64_t word) { return word & kHighBits; }

}  // namespace eight_bytes

// Whether `marks(word)` is 0 for all of `text`; a short one is filled up with `filler`.
template <class Marks>
bool has_none(std::string_view text, char filler, Marks marks) {
  uint64_t word = 0;
  if (text.size() < sizeof word) {
    word = eight_bytes::kEach * static_cast<unsigned char>(filler);
    for (char c : text) word = word << 8 | static_cast<unsigned char>(c);
    return marks(word) == 0;
  }
  // The last eight overlap those before them.
  for (size_t at = 0;; at += sizeof word) {
    at = std::min(at, text.size() - sizeof word);
    std::memcpy(&word, text.data() + at, sizeof word);
    if (marks(word) != 0) return false;
    if (at == text.size() - sizeof word) return true;
  }
}

}  // namespace bus
