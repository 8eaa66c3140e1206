// What every Block offers, against its definition: each byte at each place.
#include <string>
#include <vector>

#include "protocol/scan/block_portable.h"
#include "protocol/scan/scan.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"
#include "tests/unit/protocol/scan/block_answers.h"
#if defined(__x86_64__)
#include "protocol/scan/block_sse2.h"
#elif defined(__aarch64__)
#include "protocol/scan/block_neon.h"
#endif

using namespace bus;
using namespace bus::test;

namespace {

constexpr size_t kBytes = 64;

std::vector<BlockAnswers> all_answers() {
  std::vector<BlockAnswers> out = {answers_of<scan::PortableBlock>("portable")};
#if defined(__x86_64__)
  out.push_back(answers_of<scan::Sse2Block>("sse2"));
  out.push_back(avx2_answers());
  out.push_back(avx512_answers());
#elif defined(__aarch64__)
  out.push_back(answers_of<scan::NeonBlock>("neon"));
#endif
  return out;
}

bool runs_here(const std::string& name) {
  for (const scan::Body& body : scan::bodies()) {
    if (name == body.name) return true;
  }
  return false;
}

std::vector<BlockAnswers> answers_here() {
  std::vector<BlockAnswers> out;
  for (const BlockAnswers& block : all_answers()) {
    if (runs_here(block.name)) out.push_back(block);
  }
  return out;
}

// 64 bytes that are all the same but one.
struct OneByte {
  size_t place;
  unsigned char value;
  unsigned char others;

  // Bit i is what `is` says of byte i.
  template <class Is>
  uint64_t answer(Is is) const {
    uint64_t one = uint64_t{1} << place;
    return (is(others) ? ~one : 0) | (is(value) ? one : 0);
  }
};

// The constants that the grammar asks for, and those at the ends.
constexpr unsigned char kEqual[] = {0,   0x7F, 0x80, 0xFF, '"', '\\', ' ', '\t', '\r', '\n', ':',
                                    ',', '}',  ']',  '-',  '+', '.',  '0', 0xE0, 0xED, 0xF0, 0xF4};
constexpr unsigned char kLetters[] = {'{', 'e', 0x20, 0x7F, 0xA0, 0xFF};
constexpr unsigned char kLeast[] = {0,    1,    0x20, '0',  '9' + 1, 0x7F, 0x80, 0x81,
                                    0x90, 0xA0, 0xC0, 0xC2, 0xE0,    0xF0, 0xF5, 0xFF};

// Whether all that `block` says of these bytes is so.
bool is_right(const BlockAnswers& block, const OneByte& one) {
  char bytes[kBytes];
  for (char& byte : bytes) byte = static_cast<char>(one.others);
  bytes[one.place] = static_cast<char>(one.value);
  bool right = block.digits(bytes) == one.answer([](unsigned char b) { return b >= '0' && b <= '9'; });
  for (unsigned char c : kEqual)
    right &= block.eq(bytes, static_cast<char>(c)) == one.answer([c](unsigned char b) { return b == c; });
  for (unsigned char c : kLetters)
    right &= block.eq_with_0x20(bytes, static_cast<char>(c)) ==
             one.answer([c](unsigned char b) { return (b | 0x20) == c; });
  for (unsigned char c : kLeast)
    right &= block.at_least(bytes, c) == one.answer([c](unsigned char b) { return b >= c; });
  return right;
}

}  // namespace

TEST_CASE("Every body of this machine has its block here") {
  CHECK(answers_here().size() == scan::bodies().size());
}

TEST_CASE("A block tells each byte at each place, whatever stands beside it") {
  for (const BlockAnswers& block : answers_here()) {
    CAPTURE(block.name);
    std::vector<int> neighbours = {0x00, 0xFF};
    if (!kSlowBuild) neighbours.insert(neighbours.end(), {0x30, 0x7F, 0x80});
    for (int others : neighbours) {
      int wrong = 0;
      for (size_t place = 0; place < kBytes; ++place) {
        for (int value = 0; value < 256; ++value)
          wrong += !is_right(block,
                             {place, static_cast<unsigned char>(value), static_cast<unsigned char>(others)});
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("A block may be asked for any byte, and stand at any address") {
  char bytes[256];
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<char>(i);
  for (const BlockAnswers& block : answers_here()) {
    CAPTURE(block.name);
    int wrong = 0;
    for (int at = 0; at + static_cast<int>(kBytes) <= 256; ++at) {
      for (int c = 0; c < 256; ++c) {
        // Byte i of these is at + i.
        uint64_t equal = c >= at && c < at + 64 ? uint64_t{1} << (c - at) : 0;
        uint64_t least = c <= at ? ~uint64_t{0} : c < at + 64 ? ~uint64_t{0} << (c - at) : 0;
        wrong += block.eq(bytes + at, static_cast<char>(c)) != equal;
        wrong += block.at_least(bytes + at, static_cast<unsigned char>(c)) != least;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("prefix_xor is one from each odd bit to before the next") {
  for (const BlockAnswers& block : answers_here()) {
    CAPTURE(block.name);
    uint64_t x = 1;
    int wrong = 0;
    for (int round = 0; round < 2000; ++round) {
      uint64_t expected = 0;
      uint64_t inside = 0;
      for (unsigned i = 0; i < 64; ++i) {
        inside ^= (x >> i) & 1U;
        expected |= inside << i;
      }
      wrong += block.prefix_xor(x) != expected;
      // Single bits first, then all kinds.
      x = round < 63 ? x << 1U : x * 6364136223846793005U + 1442695040888963407U;
    }
    CHECK(wrong == 0);
    CHECK(block.prefix_xor(0) == 0);
    CHECK(block.prefix_xor(~uint64_t{0}) == 0x5555555555555555);
  }
}
