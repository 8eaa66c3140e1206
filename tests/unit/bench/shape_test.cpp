#include "tests/bench/shape.h"

#include <set>

#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

std::vector<std::string> titles_of(const GroupFilter& filter) {
  std::vector<std::string> titles;
  for (const Group& group : groups_of(filter)) {
    for (const Shape& shape : group.shapes) titles.push_back(shape.title);
  }
  return titles;
}

GroupFilter only(const std::string& pattern) {
  GroupFilter filter;
  filter.patterns = {pattern};
  return filter;
}

}  // namespace

TEST_CASE("Every plain shape comes in three sizes with both payloads") {
  CHECK(titles_of(only("1to64")) == std::vector<std::string>{"1→64, 128 B, dense", "1→64, 128 B, text",
                                                             "1→64, 1 KiB, dense", "1→64, 1 KiB, text",
                                                             "1→64, 16 KiB, dense", "1→64, 16 KiB, text"});
}

TEST_CASE("Groups are chosen by pattern, plain shapes by size and payload too") {
  GroupFilter filter = only("?to1");
  filter.sizes = {300};
  filter.payloads = {PayloadKind::text};
  CHECK(titles_of(filter) == std::vector<std::string>{"1→1, 300 B, text", "8→1, 300 B, text"});
  CHECK(titles_of(only("nothing")).empty());
}

TEST_CASE("A quick run has every family once") {
  GroupFilter quick;
  quick.quick = true;
  std::set<std::string> names;
  for (const Group& group : groups_of(quick)) names.insert(group.name);
  CHECK(names == std::set<std::string>{"1to1",
                                       "8to1",
                                       "1to8",
                                       "1to64",
                                       "apart",
                                       "keys",
                                       "routing",
                                       "stopped",
                                       "latency",
                                       "calls1",
                                       "calls64",
                                       "calls64-batched",
                                       "callers",
                                       "providers",
                                       "providers1000",
                                       "values-put",
                                       "values-get",
                                       "values-writers",
                                       "values-follower",
                                       "values-followers",
                                       "values-followers64",
                                       "values-snapshot"});
}

TEST_CASE("A family is chosen by itself, and calls have the sizes that are asked for") {
  GroupFilter filter;
  filter.family = Family::calls;
  filter.patterns = {"calls64*"};
  filter.sizes = {128, 1024};
  CHECK(titles_of(filter) == std::vector<std::string>{"calls, 1→1, 64 open, 128 B",
                                                      "calls, 1→1, 64 open, 1 KiB",
                                                      "calls, 1→1, 64 open, 128 B, batched",
                                                      "calls, 1→1, 64 open, 1 KiB, batched"});
  filter.family = Family::events;
  CHECK(titles_of(filter).empty());
}

TEST_CASE("Open requests can be shared out evenly to callers") {
  for (const Group& group : groups_of({})) {
    for (const Shape& shape : group.shapes) {
      INFO(shape.title);
      if (shape.calls) CHECK(shape.calls->outstanding % shape.calls->callers == 0);
    }
  }
}

TEST_CASE("Every shape's window can be shared out evenly to publishers and topics") {
  for (const Group& group : groups_of({})) {
    for (const Shape& shape : group.shapes) {
      INFO(shape.title);
      CHECK(shape.window % shape.publishers == 0);
      CHECK(shape.window % shape.topics == 0);
    }
  }
}
