// 64 bytes of text for grammar.h in two 32-byte registers. Only for files that are compiled for AVX2 and
// PCLMUL.
#pragma once

#include <cstdint>
#include <immintrin.h>

namespace bus::scan {

struct Avx2Block {
  explicit Avx2Block(const char* bytes)
      : low_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes))),
        high_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes) + 1)) {}

  uint64_t eq(char c) const {
    __m256i v = _mm256_set1_epi8(c);
    return gather(_mm256_cmpeq_epi8(low_, v), _mm256_cmpeq_epi8(high_, v));
  }
  uint64_t eq_with_0x20(char c) const {
    __m256i v = _mm256_set1_epi8(c);
    __m256i bit = _mm256_set1_epi8(0x20);
    return gather(_mm256_cmpeq_epi8(_mm256_or_si256(low_, bit), v),
                  _mm256_cmpeq_epi8(_mm256_or_si256(high_, bit), v));
  }
  uint64_t at_least(unsigned char c) const {
    __m256i v = _mm256_set1_epi8(static_cast<char>(c));
    return gather(_mm256_cmpeq_epi8(_mm256_max_epu8(low_, v), low_),
                  _mm256_cmpeq_epi8(_mm256_max_epu8(high_, v), high_));
  }
  uint64_t digits() const {
    __m256i zero = _mm256_set1_epi8('0');
    __m256i nine = _mm256_set1_epi8(9);
    __m256i low = _mm256_sub_epi8(low_, zero);
    __m256i high = _mm256_sub_epi8(high_, zero);
    return gather(_mm256_cmpeq_epi8(_mm256_min_epu8(low, nine), low),
                  _mm256_cmpeq_epi8(_mm256_min_epu8(high, nine), high));
  }
  // A carry-less product with all ones is the XOR of all shifts of x.
  static uint64_t prefix_xor(uint64_t x) {
    __m128i one = _mm_cvtsi64_si128(static_cast<long long>(x));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(one, _mm_set1_epi8(-1), 0)));
  }

 private:
  static uint64_t gather(__m256i low, __m256i high) {
    return uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(low))} |
           uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32U;
  }

  __m256i low_;
  __m256i high_;
};

}  // namespace bus::scan
