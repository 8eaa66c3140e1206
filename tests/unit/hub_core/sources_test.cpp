#include "hub/core/sources/source_table.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

TEST_CASE(
    "SourceTable keeps a name while any connection bears it, and calls it disconnected after the last") {
  Publishers publishers;
  SourceTable table(publishers, [](const std::string&) {});
  NamedSource& clock = table.add("clock");
  CHECK(&table.add("clock") == &clock);
  table.drop(clock);
  CHECK(clock.state == SourceState::connected);
  table.drop(clock);
  REQUIRE(table.known().size() == 1);
  CHECK(table.known()[0]->state == SourceState::disconnected);
}

TEST_CASE("SourceTable gives a source that returns its counts and dedup window back") {
  Publishers publishers;
  SourceTable table(publishers, [](const std::string&) {});
  constexpr uint64_t key[2] = {1, 2};
  NamedSource& before = table.add("clock");
  before.published.count = 5;
  CHECK_FALSE(before.published.dedup.seen(key, "a", seconds(9), TimePoint{}));
  table.drop(before);
  NamedSource& after = table.add("clock");
  CHECK(after.published.count == 5);
  CHECK(after.published.dedup.seen(key, "a", seconds(9), TimePoint{}));
  CHECK(after.state == SourceState::connected);
  table.drop(after);
}

TEST_CASE("SourceTable keeps the state of sources without a connection, 256 of them, the latest") {
  Publishers publishers;
  SourceTable table(publishers, [](const std::string&) {});
  NamedSource& present = table.add("present");
  for (size_t i = 0; i < kMaxAbsentSources; ++i) {
    table.report({"s" + std::to_string(i), SourceState::reconnecting, "detail"});
  }
  CHECK(table.size() == kMaxAbsentSources + 1);
  table.report({"s0", SourceState::connected, {}});  // heard again: now s1 is the one unheard of for longest
  table.report({"one more", SourceState::connected, {}});
  CHECK(table.size() == kMaxAbsentSources + 1);
  bool s0 = false;
  bool s1 = false;
  bool has_present = false;
  for (const NamedSource* source : table.known()) {
    s0 = s0 || source->name == "s0";
    s1 = s1 || source->name == "s1";
    has_present = has_present || source->name == "present";
  }
  CHECK(s0);
  CHECK_FALSE(s1);
  CHECK(has_present);
  table.drop(present);
}
