#include "protocol/base/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace bus {

namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void compress(uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  uint64_t finish() {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

// Little-endian, as the algorithm defines it, whatever the machine.
uint64_t word_at(std::string_view text, size_t at, size_t count) {
  uint64_t word = 0;
  if (std::endian::native == std::endian::little && count == sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    return word;
  }
  for (size_t i = 0; i < count; ++i) {
    word |= static_cast<uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
  }
  return word;
}

}  // namespace

Hash128 siphash128(const uint64_t key[2], std::string_view text) {
  State s{key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU ^ 0xeeU, key[0] ^ 0x6c7967656e657261U,
          key[1] ^ 0x7465646279746573U};
  size_t whole = text.size() & ~size_t{7};
  for (size_t at = 0; at < whole; at += 8) s.compress(word_at(text, at, 8));
  s.compress((static_cast<uint64_t>(text.size()) << 56U) | word_at(text, whole, text.size() - whole));
  s.v2 ^= 0xeeU;
  Hash128 hash;
  hash.low = s.finish();
  s.v1 ^= 0xddU;
  hash.high = s.finish();
  return hash;
}

}  // namespace bus
