// 64 bytes of text for grammar.h, in plain C++; and what every Block offers.
//
// Eight bytes at a time in ordinary 64-bit words: each byte's answer is put into that byte's highest bit, and
// a multiplication gathers the eight into one byte. Twice RapidJSON's speed or more, so that a processor that
// has no block of its own below is still served well.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace bus::scan {

struct PortableBlock {
  // The 64 bytes at `bytes`, which may stand at any address.
  explicit PortableBlock(const char* bytes) {
    std::memcpy(words_, bytes, sizeof words_);
    if constexpr (std::endian::native == std::endian::big) {
      for (uint64_t& word : words_) word = __builtin_bswap64(word);
    }
  }

  // In each result bit i answers for byte i.
  uint64_t eq(char c) const {
    return gather([&](uint64_t word) { return zeros(word ^ all(c)); });
  }
  // Whether the byte with its bit 0x20 set is `c`: [ and {, ] and }, E and e differ by that bit alone.
  uint64_t eq_with_0x20(char c) const {
    return gather([&](uint64_t word) { return zeros((word | all(0x20)) ^ all(c)); });
  }
  uint64_t at_least(unsigned char c) const {
    return gather([&](uint64_t word) { return not_below(word, c); });
  }
  uint64_t digits() const { return at_least('0') & ~at_least('9' + 1); }

  // Bit i is the XOR of the bits up to and with i: between odd and even ones, ones.
  static uint64_t prefix_xor(uint64_t x) {
    for (unsigned shift = 1; shift < 64; shift *= 2) x ^= x << shift;
    return x;
  }

 private:
  static constexpr uint64_t kHighest = 0x8080808080808080;

  static constexpr uint64_t all(int c) {
    return 0x0101010101010101 * static_cast<uint64_t>(static_cast<unsigned char>(c));
  }
  // No sum below reaches 256, so that none disturbs the next byte.
  static uint64_t zeros(uint64_t word) { return ~(((word & ~kHighest) + ~kHighest) | word) & kHighest; }
  static uint64_t not_below(uint64_t word, unsigned char c) {
    uint64_t low = (word & ~kHighest) + all(0x80 - (c & 0x7F));
    return (c < 0x80 ? low | word : low & word) & kHighest;
  }

  template <class Answer>
  uint64_t gather(Answer answer) const {
    uint64_t out = 0;
    for (unsigned i = 0; i < 8; ++i)
      out |= ((answer(words_[i]) >> 7U) * 0x0102040810204080 >> 56U) << (8 * i);
    return out;
  }

  uint64_t words_[8];
};

}  // namespace bus::scan
