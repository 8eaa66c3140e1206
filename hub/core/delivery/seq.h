// The member `,"seq":N` of an event, the only bytes in which two consumers' frames differ.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bus::hub {

inline constexpr std::string_view kSeqMember = ",\"seq\":";
inline constexpr size_t kMaxSeqDigits = 20;

// kPowersOfTen[n] has n + 1 digits.
inline constexpr uint64_t kPowersOfTen[kMaxSeqDigits] = {1,
                                                         10,
                                                         100,
                                                         1'000,
                                                         10'000,
                                                         100'000,
                                                         1'000'000,
                                                         10'000'000,
                                                         100'000'000,
                                                         1'000'000'000,
                                                         10'000'000'000,
                                                         100'000'000'000,
                                                         1'000'000'000'000,
                                                         10'000'000'000'000,
                                                         100'000'000'000'000,
                                                         1'000'000'000'000'000,
                                                         10'000'000'000'000'000,
                                                         100'000'000'000'000'000,
                                                         1'000'000'000'000'000'000,
                                                         10'000'000'000'000'000'000U};

inline size_t digits_of(uint64_t n) {
  n |= 1;  // 0 has a digit, too
  // 1233 / 4096 is log10(2): from the number of bits, the number of digits or one less.
  auto guess = static_cast<size_t>(std::bit_width(n)) * 1233 / 4096;
  return guess + (n >= kPowersOfTen[guess] ? 1 : 0);
}

// What `count` events cost for their seqs, `first` and the following.
inline size_t seq_bytes(uint64_t first, size_t count) {
  size_t bytes = count * kSeqMember.size();
  while (count > 0) {
    size_t digits = digits_of(first);
    uint64_t same = digits == kMaxSeqDigits ? count : kPowersOfTen[digits] - first;  // that have as many
    size_t step = same < count ? static_cast<size_t>(same) : count;
    bytes += step * digits;
    first += step;
    count -= step;
  }
  return bytes;
}

// Writes the digits of `seq` and returns where they end. `out` has room for kMaxSeqDigits.
inline char* put_digits(char* out, uint64_t seq) { return std::to_chars(out, out + kMaxSeqDigits, seq).ptr; }

}  // namespace bus::hub
