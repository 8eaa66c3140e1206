// 64 bytes of text for grammar.h in four 16-byte registers of NEON: any 64-bit ARM.
#pragma once

#include <arm_neon.h>
#include <cstdint>

#include "protocol/scan/block_portable.h"

namespace bus::scan {

struct NeonBlock {
  explicit NeonBlock(const char* bytes) : parts_(vld1q_u8_x4(reinterpret_cast<const uint8_t*>(bytes))) {}

  uint64_t eq(char c) const {
    return gather([v = vdupq_n_u8(static_cast<uint8_t>(c))](uint8x16_t x) { return vceqq_u8(x, v); });
  }
  uint64_t eq_with_0x20(char c) const {
    return gather([v = vdupq_n_u8(static_cast<uint8_t>(c)), bit = vdupq_n_u8(0x20)](uint8x16_t x) {
      return vceqq_u8(vorrq_u8(x, bit), v);
    });
  }
  uint64_t at_least(unsigned char c) const {
    return gather([v = vdupq_n_u8(c)](uint8x16_t x) { return vcgeq_u8(x, v); });
  }
  uint64_t digits() const {
    return gather([zero = vdupq_n_u8('0'), nine = vdupq_n_u8(9)](uint8x16_t x) {
      return vcleq_u8(vsubq_u8(x, zero), nine);
    });
  }
  static uint64_t prefix_xor(uint64_t x) { return PortableBlock::prefix_xor(x); }

 private:
  // NEON has no instruction that makes a mask of a comparison: each byte keeps the one bit of its place among
  // eight, and three rounds of adding neighbours bring eight together in one byte.
  template <class Answer>
  uint64_t gather(Answer answer) const {
    const uint8x16_t place = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t first =
        vpaddq_u8(vandq_u8(answer(parts_.val[0]), place), vandq_u8(answer(parts_.val[1]), place));
    uint8x16_t second =
        vpaddq_u8(vandq_u8(answer(parts_.val[2]), place), vandq_u8(answer(parts_.val[3]), place));
    uint8x16_t both = vpaddq_u8(first, second);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
  }

  uint8x16x4_t parts_;
};

}  // namespace bus::scan
