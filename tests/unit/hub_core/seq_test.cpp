#include "hub/core/delivery/seq.h"

#include <string>

#include "tests/support/catch.h"

using namespace bus::hub;

TEST_CASE("Digits of a number are counted at each power of ten and beside it") {
  CHECK(digits_of(0) == 1);
  for (uint64_t power : kPowersOfTen) {
    CHECK(digits_of(power) == std::to_string(power).size());
    CHECK(digits_of(power - 1) == std::to_string(power - 1).size());
    CHECK(digits_of(power + 1) == std::to_string(power + 1).size());
  }
  CHECK(digits_of(UINT64_MAX) == 20);
}

TEST_CASE("Bytes of many seqs are the sum of the bytes of each") {
  for (uint64_t first :
       {uint64_t{1}, uint64_t{7}, uint64_t{9}, uint64_t{95}, uint64_t{999'990}, UINT64_MAX - 40}) {
    size_t sum = 0;
    for (size_t count = 0; count < 40; ++count) {
      CHECK(seq_bytes(first, count) == sum);
      sum += kSeqMember.size() + std::to_string(first + count).size();
    }
  }
  CHECK(seq_bytes(1, 1000) == 1000 * kSeqMember.size() + 9 + 180 + 2700 + 4);
}
