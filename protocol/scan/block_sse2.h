// 64 bytes of text for grammar.h in four 16-byte registers: any x86-64.
#pragma once

#include <cstdint>
#include <emmintrin.h>

#include "protocol/scan/block_portable.h"

namespace bus::scan {

struct Sse2Block {
  explicit Sse2Block(const char* bytes) {
    for (int i = 0; i < 4; ++i) parts_[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes) + i);
  }

  uint64_t eq(char c) const {
    return gather([v = _mm_set1_epi8(c)](__m128i x) { return _mm_cmpeq_epi8(x, v); });
  }
  uint64_t eq_with_0x20(char c) const {
    return gather([v = _mm_set1_epi8(c), bit = _mm_set1_epi8(0x20)](__m128i x) {
      return _mm_cmpeq_epi8(_mm_or_si128(x, bit), v);
    });
  }
  // There is no unsigned comparison: a byte is at least c when the larger of the two is the byte.
  uint64_t at_least(unsigned char c) const {
    return gather([v = _mm_set1_epi8(static_cast<char>(c))](__m128i x) {
      return _mm_cmpeq_epi8(_mm_max_epu8(x, v), x);
    });
  }
  uint64_t digits() const {
    return gather([zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9)](__m128i x) {
      __m128i value = _mm_sub_epi8(x, zero);
      return _mm_cmpeq_epi8(_mm_min_epu8(value, nine), value);
    });
  }
  static uint64_t prefix_xor(uint64_t x) { return PortableBlock::prefix_xor(x); }

 private:
  template <class Answer>
  uint64_t gather(Answer answer) const {
    uint64_t out = 0;
    for (int i = 0; i < 4; ++i)
      out |= uint64_t{static_cast<uint16_t>(_mm_movemask_epi8(answer(parts_[i])))} << (16 * i);
    return out;
  }

  __m128i parts_[4];
};

}  // namespace bus::scan
