// 64 bytes of text for grammar.h in one register, whose comparisons give the 64-bit mask at once. Only for
// files that are compiled for AVX-512 BW and PCLMUL.
#pragma once

#include <cstdint>
#include <immintrin.h>

namespace bus::scan {

struct Avx512Block {
  explicit Avx512Block(const char* bytes) : bytes_(_mm512_loadu_si512(bytes)) {}

  uint64_t eq(char c) const { return _mm512_cmpeq_epi8_mask(bytes_, _mm512_set1_epi8(c)); }
  uint64_t eq_with_0x20(char c) const {
    return _mm512_cmpeq_epi8_mask(_mm512_or_si512(bytes_, _mm512_set1_epi8(0x20)), _mm512_set1_epi8(c));
  }
  uint64_t at_least(unsigned char c) const {
    return _mm512_cmpge_epu8_mask(bytes_, _mm512_set1_epi8(static_cast<char>(c)));
  }
  uint64_t digits() const {
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes_, _mm512_set1_epi8('0')), _mm512_set1_epi8(9));
  }
  // A carry-less product with all ones is the XOR of all shifts of x.
  static uint64_t prefix_xor(uint64_t x) {
    __m128i one = _mm_cvtsi64_si128(static_cast<long long>(x));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(one, _mm_set1_epi8(-1), 0)));
  }

 private:
  __m512i bytes_;
};

}  // namespace bus::scan
