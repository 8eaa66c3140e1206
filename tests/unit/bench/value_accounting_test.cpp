#include "tests/bench/value_accounting.h"

#include <set>

#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

constexpr size_t kBytes = 128;

// The next put of a key, as text that outlives it.
std::string put(ValueAccounting& accounting, size_t index) {
  return std::string(accounting.begin_put(index));
}

}  // namespace

TEST_CASE("No two keys are alike") {
  std::set<std::string> names;
  for (size_t i = 0; i < 100'000; ++i) names.insert(value_key(i));
  CHECK(names.size() == 100'000);
  CHECK(value_key(0) == "sensor.site0.room0.temperature");
  CHECK(value_key(126) == "sensor.site1.room0.humidity");
}

TEST_CASE("No two values of a run are alike, and all have the size that was asked for") {
  ValueAccounting accounting(3, kBytes);
  std::set<std::string> values;
  for (size_t i = 0; i < 30; ++i) values.insert(put(accounting, i % 3));
  CHECK(values.size() == 30);
  for (const std::string& value : values) CHECK(value.size() == kBytes);
}

TEST_CASE("A get must bring the newest value that was accepted, with its version") {
  ValueAccounting accounting(2, kBytes);
  std::string first = put(accounting, 1);
  accounting.stored(1, 1);
  accounting.got(1, 1, first);
  CHECK(accounting.fault().empty());
  std::string second = put(accounting, 1);
  accounting.stored(1, 2);

  SECTION("the newest one is right, also of a server without versions") {
    accounting.got(1, 2, second);
    accounting.got(1, 0, second);
    CHECK(accounting.fault().empty());
  }
  SECTION("an old one is not") {
    accounting.got(1, 1, first);
    CHECK(accounting.fault().find("brought put 1 instead of 2") != std::string::npos);
  }
  SECTION("nor is another version") {
    accounting.got(1, 3, second);
    CHECK(accounting.fault().find("made version 3") != std::string::npos);
  }
  SECTION("nor is the value of another key") {
    accounting.got(1, 1, put(accounting, 0));
    CHECK(accounting.fault().find("brought no value of it") != std::string::npos);
  }
  SECTION("nor are changed bytes") {
    std::string changed = second;
    changed[kBytes - 4] = '!';
    accounting.got(1, 2, changed);
    CHECK(accounting.fault().find("changed bytes") != std::string::npos);
  }
}

TEST_CASE("More answers than puts are a fault, and so is a version that is not the next one") {
  ValueAccounting accounting(1, kBytes);
  put(accounting, 0);
  SECTION("twice") {
    accounting.stored(0, 1);
    accounting.stored(0, 2);
    CHECK(accounting.fault().find("more puts") != std::string::npos);
  }
  SECTION("a version left out") {
    accounting.stored(0, 2);
    CHECK(accounting.fault().find("made version 2") != std::string::npos);
  }
}

TEST_CASE("A follower is told each put once, or how many it was not told") {
  ValueAccounting accounting(1, kBytes);
  std::vector<std::string> values = {""};
  for (size_t i = 0; i < 5; ++i) {
    values.push_back(put(accounting, 0));
    if (i == 0) accounting.stored(0, 0);
    if (i == 0) CHECK(accounting.told(0, value_key(0), 0, 0, values[1]) == 0);
  }
  SECTION("the next one") {
    CHECK(accounting.told(0, value_key(0), 0, 0, values[2]) == 0);
    CHECK(accounting.fault().empty());
  }
  SECTION("one further on, with the right number") {
    CHECK(accounting.told(0, value_key(0), 5, 3, values[5]) == 0);
    CHECK(accounting.fault().empty());
  }
  SECTION("one further on, with a wrong number") {
    CHECK(accounting.told(0, value_key(0), 5, 2, values[5]) == accounting.keys());
    CHECK_FALSE(accounting.fault().empty());
  }
  SECTION("the same again") {
    CHECK(accounting.told(0, value_key(0), 0, 0, values[1]) == accounting.keys());
    CHECK_FALSE(accounting.fault().empty());
  }
  SECTION("a key that nobody put") {
    CHECK(accounting.told(0, "x", 0, 0, values[2]) == accounting.keys());
    CHECK(accounting.fault().find("nobody put") != std::string::npos);
  }
  SECTION("another follower begins with the newest state, not with an old one") {
    for (size_t i = 0; i < 4; ++i) accounting.stored(0, 0);
    CHECK(accounting.told(1, value_key(0), 0, 0, values[5]) == 0);
    CHECK(accounting.fault().empty());
    CHECK(accounting.told(2, value_key(0), 0, 0, values[4]) == accounting.keys());
  }
}

TEST_CASE("A snapshot without a key is a fault") {
  ValueAccounting accounting(2, kBytes);
  std::vector<std::string> values = {put(accounting, 0), put(accounting, 1)};
  accounting.follower_begins(0);
  accounting.told(0, value_key(1), 0, 0, values[1]);
  SECTION("one of two") {
    accounting.follower_synced(0);
    CHECK(accounting.fault() == "a snapshot has 1 of 2 keys");
  }
  SECTION("both") {
    accounting.told(0, value_key(0), 0, 0, values[0]);
    accounting.follower_synced(0);
    CHECK(accounting.fault().empty());
  }
}
