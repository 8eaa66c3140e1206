#include <string>

#include "hub/core/events/unmatched_types.h"
#include "tests/support/catch.h"

using namespace bus::hub;

TEST_CASE("UnmatchedTypes counts exactly while types fit, the most frequent first") {
  UnmatchedTypes types;
  for (int i = 0; i < 3; ++i) types.count("b");
  for (int i = 0; i < 5; ++i) types.count("a");
  types.count("d");
  types.count("c");
  auto top = types.top(3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].event_type == "a");
  CHECK(top[0].count == 5);
  CHECK(top[1].event_type == "b");
  CHECK(top[2].event_type == "c");
}

TEST_CASE("UnmatchedTypes stays bounded under a flood of types, and still finds the frequent one") {
  UnmatchedTypes types;
  for (int i = 0; i < 20'000; ++i) {
    types.count("flood." + std::to_string(i));
    if (i % 3 == 0) types.count("frequent");
  }
  CHECK(types.size() == UnmatchedTypes::kMaxTypes);
  CHECK(types.top(1).at(0).event_type == "frequent");
}

TEST_CASE("A type for which there is no room takes the place of the rarest, and its count") {
  UnmatchedTypes types;
  for (size_t i = 0; i < UnmatchedTypes::kMaxTypes; ++i) {
    for (int twice = 0; twice < 2; ++twice) types.count("early." + std::to_string(i));
  }
  types.count("late");
  auto top = types.top(1);
  CHECK(top.at(0).event_type == "late");
  CHECK(top.at(0).count == 3);
}
