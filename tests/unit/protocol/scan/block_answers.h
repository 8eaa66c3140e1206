// What a Block of protocol/scan says about 64 bytes, for a test that is compiled for no special processor.
//
// The Blocks for newer processors are used in files that are compiled for them (block_avx2.cpp …), which
// hand out plain functions. As in grammar.h nothing here calls an inline function that others have too.
#pragma once

#include <cstdint>

namespace bus::test {

struct BlockAnswers {
  const char* name;  // as in scan::bodies()
  uint64_t (*eq)(const char* bytes, char c);
  uint64_t (*eq_with_0x20)(const char* bytes, char c);
  uint64_t (*at_least)(const char* bytes, unsigned char c);
  uint64_t (*digits)(const char* bytes);
  uint64_t (*prefix_xor)(uint64_t x);
};

template <class Block>
BlockAnswers answers_of(const char* name) {
  return {name,
          [](const char* bytes, char c) { return Block(bytes).eq(c); },
          [](const char* bytes, char c) { return Block(bytes).eq_with_0x20(c); },
          [](const char* bytes, unsigned char c) { return Block(bytes).at_least(c); },
          [](const char* bytes) { return Block(bytes).digits(); },
          [](uint64_t x) { return Block::prefix_xor(x); }};
}

BlockAnswers avx2_answers();
BlockAnswers avx512_answers();

}  // namespace bus::test
