// The tree of interest beside the obvious: each consumer is compared with each entry.
#include "hub/core/interest/audience.h"

#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "protocol/event_pattern.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::hub;
using namespace bus::test;

namespace {

// Whether some type matches both.
bool overlap(const std::string& one, const std::string& other) {
  EventPattern a = parse_event_pattern(one);
  EventPattern b = parse_event_pattern(other);
  if (a.kind == EventPattern::Kind::exact) return matches(b, a.text);
  if (b.kind == EventPattern::Kind::exact) return matches(a, b.text);
  return a.text.starts_with(b.text) || b.text.starts_with(a.text);
}

// Somebody who is told of one entry, and believes what the contract lets it believe.
struct Listener : Audience::Watcher {
  explicit Listener(Audience& tree) : audience(tree) {}
  void may_have_changed(Audience::Watch& which) override {
    CHECK(&which == &watch);
    some = audience.consumers(watch) > 0;
    ++told;
  }

  Audience& audience;
  Audience::Watch watch;
  std::string entry;
  bool some = false;
  size_t told = 0;
};

struct Rig {
  ~Rig() {
    for (auto& listener : listeners) audience.unwatch(listener->watch);
    for (auto& types : consumers) audience.leave(types);
  }
  Listener& watch(const std::string& entry) {
    listeners.push_back(std::make_unique<Listener>(audience));
    Listener& listener = *listeners.back();
    listener.entry = entry;
    audience.watch(listener.watch, entry, listener);
    listener.some = audience.consumers(listener.watch) > 0;
    return listener;
  }
  size_t join(std::vector<std::string> types) {
    consumers.push_back(std::move(types));
    return audience.join(consumers.back());
  }
  size_t leave(size_t i) {
    std::vector<std::string> types = std::move(consumers[i]);
    consumers.erase(consumers.begin() + static_cast<std::ptrdiff_t>(i));
    return audience.leave(types);
  }
  uint64_t expected(const std::string& entry) const {
    uint64_t number = 0;
    for (const auto& types : consumers) {
      bool any = false;
      for (const std::string& type : types) any = any || overlap(type, entry);
      if (any) ++number;
    }
    return number;
  }

  Audience audience;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::vector<std::string>> consumers;
};

uint64_t count(const std::vector<std::string>& types, const std::string& entry) {
  Rig rig;
  rig.join(types);
  return rig.audience.consumers(rig.watch(entry).watch);
}

}  // namespace

TEST_CASE("An entry overlaps what some type could match both") {
  struct Case {
    const char* type;
    const char* entry;
    uint64_t consumers;
  };
  for (const Case& each : {
           Case{"a", "a", 1},       Case{"a", "b", 0},       Case{"a.b", "a.b", 1},
           Case{"a.b", "a", 0},     Case{"a", "a.*", 0},     Case{"a.b", "a.*", 1},
           Case{"a.*", "a.b", 1},   Case{"a.*", "a", 0},     Case{"a.*", "a.b.c", 1},
           Case{"a.*", "a.b.*", 1}, Case{"a.b.*", "a.*", 1}, Case{"a.*", "b.*", 0},
           Case{"a.*", "ab.*", 0},  Case{"*", "a", 1},       Case{"a", "*", 1},
           Case{"*", "a.*", 1},     Case{"a.*", "*", 1},     Case{"*", "*", 1},
           Case{"a.", "a.*", 0},    Case{"a.*", "a.", 0},    Case{"a.", "a.", 1},
           Case{"a.", "*", 1},      Case{"a..*", "a.*", 1},  Case{"a..", "a..*", 0},
           Case{"a..", "a.*", 1},   Case{".*", ".a", 1},     Case{".*", ".", 0},
           Case{".", "*", 1},       Case{"a*", "a*", 1},     Case{"a*", "ab", 0},
           Case{"x.*.y", "x.*", 1}, Case{"x.*", "x.*.y", 1}, Case{"x.*.y", "x.z.y", 0},
       }) {
    CAPTURE(each.type, each.entry);
    CHECK(count({each.type}, each.entry) == each.consumers);
    CHECK(overlap(each.type, each.entry) == (each.consumers > 0));
  }
}

TEST_CASE("A consumer counts once, however many of its entries match") {
  CHECK(count({"a.*", "a.b", "a.b", "*", "a.b.*"}, "a.b") == 1);
  CHECK(count({"a.b", "a.c", "a.d.*", "a.b"}, "a.*") == 1);
  CHECK(count({"a.b", "b.c"}, "*") == 1);
  CHECK(count({"a.*", "a.*"}, "a.*") == 1);
  CHECK(count({}, "*") == 0);
}

TEST_CASE(
    "A watcher is told when its number goes from none to some and back, and not for each other change") {
  Rig rig;
  Listener& exact = rig.watch("a.b");
  Listener& pattern = rig.watch("a.*");
  rig.join({"a.b"});
  CHECK((exact.told == 1 && exact.some));
  CHECK((pattern.told == 1 && pattern.some));
  for (int i = 0; i < 100; ++i) rig.join({"a.b"});
  CHECK((exact.told == 1 && pattern.told == 1));
  CHECK(rig.audience.consumers(exact.watch) == 101);
  for (int i = 0; i < 101; ++i) rig.leave(0);
  CHECK((exact.told == 2 && !exact.some));
  CHECK((pattern.told == 2 && !pattern.some));
}

// What it costs does not grow with those who watch, nor with those who ask for the same.
TEST_CASE(
    "Consumers that change nothing for anybody cost a look at their own labels, whoever else is there") {
  Rig rig;
  for (int source = 0; source < 100; ++source) {
    for (int i = 0; i < 256; ++i)
      rig.watch("site" + std::to_string(source) + ".room" + std::to_string(i) + (i % 2 == 0 ? ".*" : ""));
  }
  size_t first = rig.join({"*"});
  CHECK(first >= 25'600);
  size_t looks = 0;
  for (int i = 0; i < 4000; ++i) looks += rig.join({"*"});
  for (int i = 0; i < 4000; ++i) looks += rig.join({"site7.*", "site9.room1", "other.x"});
  for (int i = 0; i < 8000; ++i) looks += rig.leave(rig.consumers.size() - 1);
  CHECK(looks <= 16'000 * 20);
  for (const auto& listener : rig.listeners) CHECK(listener->told == 1);
}

TEST_CASE("Random consumers and entries are counted as one by one") {
  const std::vector<std::string> entries = {
      "*",  "a", "a.*", "a.b", "a.b.*",   "a.b.c", "a.b.c.*", "a.",   "a..*",  "a..",  "a..b", ".*",   ".",
      ".a", "b", "b.*", "b.c", "c.d.e.f", "c.*",   "c.d.e.*", "a.bb", "a.b.d", "aa.*", "aa.b", "x.*.y"};
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  for (int history = 0; history < (kSlowBuild ? 20 : 200); ++history) {
    Rig rig;
    for (int step = 0; step < 200; ++step) {
      size_t what = below(10);
      if (what < 4 && rig.consumers.size() < 12) {
        std::vector<std::string> types;
        for (size_t i = below(5); i > 0; --i) types.push_back(entries[below(entries.size())]);
        rig.join(std::move(types));
      } else if (what < 8 && !rig.consumers.empty()) {
        rig.leave(below(rig.consumers.size()));
      } else if (what == 8 && rig.listeners.size() < 20) {
        rig.watch(entries[below(entries.size())]);
      } else if (!rig.listeners.empty()) {
        size_t i = below(rig.listeners.size());
        rig.audience.unwatch(rig.listeners[i]->watch);
        rig.listeners.erase(rig.listeners.begin() + static_cast<std::ptrdiff_t>(i));
      }
      for (const auto& listener : rig.listeners) {
        uint64_t expected = rig.expected(listener->entry);
        uint64_t found = rig.audience.consumers(listener->watch);
        if (found != expected || listener->some != (expected > 0)) {
          CAPTURE(seed, history, step, listener->entry, listener->some);
          REQUIRE(found == expected);
          REQUIRE(listener->some == (expected > 0));
        }
      }
    }
  }
}
