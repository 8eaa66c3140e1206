#include "hub/core/values/value_watches.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/event_pattern.h"
#include "tests/support/catch.h"

namespace bus::hub {

namespace {

constexpr TimePoint kStart{std::chrono::hours(1000)};

// A table, its watches, and what was woken.
struct Bench : ValueWatches::Owner {
  explicit Bench(ValueTable::Limits limits = {}) : table(limits, {}) {}

  ValueTable table;
  KeyOrder keys{table};
  ValueWatches watches{table, keys, *this};
  std::vector<ValueWatch*> woken;

  std::set<std::string> over;  // keys whose time is over

  void watch_woken(ValueWatch& watch) override { woken.push_back(&watch); }
  bool is_over(const ValueEntry& entry) const override { return over.count(std::string(entry.key())) > 0; }

  // nullopt: a deletion.
  uint64_t change(const std::string& key, const std::optional<std::string>& value, TimePoint now = kStart) {
    ValueChange change;
    change.key = key;
    if (value) change.value = SharedText(*value);
    ValueJudgement judgement = table.apply(change, table.find(key), now);
    return judgement.verdict == ValueVerdict::accepted ? judgement.entry->rev() : 0;
  }
  void put(const std::string& key, const std::string& value) { REQUIRE(change(key, value) != 0); }
  void drop(const std::string& key) { REQUIRE(change(key, std::nullopt) != 0); }
  void forget_all(TimePoint now) {
    while (const ValueEntry* superfluous = table.superfluous(now)) {
      std::string key(superfluous->key());
      table.forget(key);
    }
  }

  WatchStep next(ValueWatch& watch) {
    size_t most = 1000;
    return watches.next(watch, most);
  }
  // "a=1" "a gone" "a=2 +1" "(a=1)" in a snapshot; "synced 3 of 2"
  std::string told(ValueWatch& watch) {
    WatchStep step = next(watch);
    if (step.kind == WatchStep::Kind::nothing) return "nothing";
    if (step.kind == WatchStep::Kind::synced) {
      return std::string(step.reset ? "reset " : "synced ") + std::to_string(step.rev) + " of " +
             std::to_string(step.keys);
    }
    const ValueState& state = step.entry->visible();
    std::string text =
        std::string(step.entry->key()) + (state.exists() ? "=" + std::string(*state.value) : " gone");
    if (step.skipped > 0) text += " +" + std::to_string(step.skipped);
    return step.is_snapshot ? "(" + text + ")" : text;
  }
  std::vector<std::string> all(ValueWatch& watch) {
    std::vector<std::string> lines;
    for (std::string line = told(watch); line != "nothing"; line = told(watch)) lines.push_back(line);
    return lines;
  }
};

// A watch of a bench, as long as this lives.
struct Watching {
  Watching(Bench& on, WatchOrder order) : bench(on), watch(std::move(order)) { bench.watches.add(watch); }
  ~Watching() { bench.watches.remove(watch); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  Bench& bench;
  ValueWatch watch;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("A watch is sent the newest state of each key, then synced, then what changes") {
  Bench bench;
  bench.put("a", "1");
  bench.put("b", "1");
  bench.put("a", "2");
  bench.put("gone", "1");
  bench.drop("gone");
  Watching all(bench, {{"*"}});
  CHECK(bench.all(all.watch) == Lines{"(b=1)", "(a=2)", "synced 5 of 2"});
  CHECK_FALSE(all.watch.is_behind());
  CHECK(bench.woken.empty());
  bench.put("c", "1");
  bench.drop("a");
  CHECK(bench.woken == std::vector<ValueWatch*>{&all.watch});
  CHECK(bench.all(all.watch) == Lines{"c=1", "a gone"});
}

TEST_CASE("An empty set is synced, too") {
  Bench bench;
  Watching none(bench, {{"x.*"}});
  CHECK(none.watch.is_behind());
  CHECK(bench.all(none.watch) == Lines{"synced 0 of 0"});
}

TEST_CASE("A watch is sent what its patterns match, each key once") {
  Bench bench;
  for (const char* key : {"a", "a.b", "a.b.c", "b", "bus.hub"}) bench.put(key, "1");
  Watching twice(bench, {{"a.*", "a.b", "a.b"}});
  CHECK(bench.all(twice.watch) == Lines{"(a.b=1)", "(a.b.c=1)", "synced 5 of 2"});
  Watching own(bench, {{"bus.*"}});
  CHECK(bench.all(own.watch) == Lines{"(bus.hub=1)", "synced 5 of 1"});
  Watching everything(bench, {{"*"}});
  CHECK(bench.all(everything.watch).size() == 5);
  bench.put("bus.hub", "2");
  bench.put("a.b", "2");
  CHECK(bench.all(twice.watch) == Lines{"a.b=2"});
  CHECK(bench.all(own.watch) == Lines{"bus.hub=2"});
  CHECK(bench.all(everything.watch) == Lines{"a.b=2"});
}

TEST_CASE("A key that changes while it waits is sent once, with how many states were skipped") {
  Bench bench;
  Watching slow(bench, {{"*"}});
  bench.all(slow.watch);
  for (int i = 1; i <= 1000; ++i) bench.put("hot", std::to_string(i));
  bench.put("cold", "1");
  CHECK(bench.woken.size() == 1);
  CHECK(slow.watch.skipping() == 1);
  CHECK(bench.all(slow.watch) == Lines{"hot=1000 +999", "cold=1"});
  CHECK(slow.watch.skipping() == 0);
  bench.put("hot", "1001");
  CHECK(bench.all(slow.watch) == Lines{"hot=1001"});
  CHECK(bench.woken.size() == 2);
}

TEST_CASE("A key of the snapshot that changes before it is sent comes before synced") {
  Bench bench;
  bench.put("a", "1");
  bench.put("b", "1");
  Watching slow(bench, {{"*"}});
  bench.put("a", "2");
  bench.put("new", "1");
  CHECK(bench.all(slow.watch) == Lines{"(b=1)", "(a=2 +1)", "synced 3 of 2", "new=1"});
}

TEST_CASE("A key of the snapshot that is deleted before it is sent is told of as deleted") {
  Bench bench;
  bench.put("a", "1");
  Watching slow(bench, {{"*"}});
  bench.drop("a");
  CHECK(bench.all(slow.watch) == Lines{"(a gone +1)", "synced 2 of 1"});
}

TEST_CASE("A watch goes on behind a rev, deletions included") {
  Bench bench;
  bench.put("a", "1");
  bench.put("b", "1");
  bench.put("c", "1");
  bench.drop("b");
  SECTION("behind the second") {
    Watching on(bench, {{"*"}, 2});
    CHECK(bench.all(on.watch) == Lines{"(c=1)", "(b gone)", "synced 4 of 2"});
  }
  SECTION("at the newest") {
    Watching on(bench, {{"*"}, 4});
    CHECK(bench.all(on.watch) == Lines{"synced 4 of 0"});
    bench.put("b", "2");
    CHECK(bench.all(on.watch) == Lines{"b=2"});
  }
  SECTION("behind what is still to come: all of it anew") {
    Watching on(bench, {{"*"}, 5});
    CHECK(bench.all(on.watch) == Lines{"(a=1)", "(c=1)", "reset 4 of 2"});
  }
  SECTION("of another epoch") {
    Watching on(bench, {{"*"}, 2, true});
    CHECK(bench.all(on.watch) == Lines{"(a=1)", "(c=1)", "reset 4 of 2"});
  }
}

TEST_CASE("A watch that missed a deletion which is forgotten gets all anew") {
  Bench bench({.tombstones = 10, .tombstone_age = seconds(10)});
  bench.put("a", "1");
  bench.put("b", "1");
  SECTION("when it comes back") {
    bench.drop("b");
    bench.forget_all(kStart + seconds(10));
    Watching on(bench, {{"*"}, 2});
    CHECK(bench.all(on.watch) == Lines{"(a=1)", "reset 3 of 1"});
  }
  SECTION("while it waits") {
    Watching slow(bench, {{"*"}});
    CHECK(bench.all(slow.watch).size() == 3);
    bench.put("b", "2");
    bench.drop("b");
    bench.put("c", "1");
    bench.put("c", "2");
    bench.forget_all(kStart + seconds(10));
    CHECK(bench.all(slow.watch) == Lines{"(a=1)", "(c=2)", "reset 6 of 2"});
  }
  SECTION("while that deletion is all that it waits for") {
    Watching slow(bench, {{"*"}});
    CHECK(bench.all(slow.watch).size() == 3);
    bench.drop("b");
    bench.forget_all(kStart + seconds(10));
    CHECK(bench.all(slow.watch) == Lines{"(a=1)", "reset 3 of 1"});
  }
  SECTION("but not one that asked for something else, or knew of no such key") {
    Watching other(bench, {{"a"}});
    Watching late(bench, {{"*"}});
    CHECK(bench.all(other.watch).size() == 2);
    bench.drop("b");
    bench.put("a", "2");
    Watching later(bench, {{"*"}});
    CHECK(bench.told(late.watch) == "(b gone +1)");
    bench.forget_all(kStart + seconds(10));
    CHECK(bench.all(other.watch) == Lines{"a=2"});
    CHECK(bench.all(late.watch) == Lines{"(a=2 +1)", "synced 4 of 2"});
    CHECK(bench.all(later.watch) == Lines{"(a=2)", "synced 4 of 1"});
  }
}

TEST_CASE("A look at many keys that a watch does not want ends in between") {
  Bench bench;
  for (int i = 0; i < 10; ++i) bench.put("k" + std::to_string(i), "1");
  bench.put("wanted", "1");
  Watching one(bench, {{"wanted"}, 1});
  size_t most = 4;
  CHECK(bench.watches.next(one.watch, most).kind == WatchStep::Kind::nothing);
  CHECK(most == 0);
  CHECK(one.watch.is_behind());
  most = 100;
  CHECK(bench.watches.next(one.watch, most).entry->key() == "wanted");
}

namespace {

// Keeps every state that ever was, and for each watch what it has seen of each key.
class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {}
  ~History() {
    while (!watchers_.empty()) end(0);
  }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (random_() % 12) {
        case 0:
          if (watchers_.size() < 5) begin();
          break;
        case 1:
          if (!watchers_.empty() && random_() % 4 == 0) end(random_() % watchers_.size());
          break;
        case 2:
          bench_.forget_all(now_);
          break;
        case 3:
        case 4:
        case 5:
          if (!watchers_.empty()) read(*watchers_[random_() % watchers_.size()], random_() % 5);
          break;
        default:
          change();
      }
      now_ += seconds(random_() % 4);
    }
    for (auto& watcher : watchers_) {
      read(*watcher, 1'000'000);
      compare(*watcher);
    }
  }

 private:
  struct Seen {
    uint64_t rev = 0;
    std::string value;  // empty: deleted, or never
  };
  struct Watcher {
    explicit Watcher(WatchOrder order) : watch(std::move(order)) {}
    ValueWatch watch;
    std::map<std::string, Seen> seen;
    uint64_t last_rev = 0;
    bool is_synced = false;
    bool is_asleep = false;
    std::set<std::string> owed;  // keys that there were when it began, and that it has not been sent since
  };

  bool wants(const Watcher& watcher, const std::string& key) const {
    return std::any_of(watcher.watch.keys().begin(), watcher.watch.keys().end(),
                       [&](const std::string& entry) { return matches(parse_event_pattern(entry), key); });
  }

  void change() {
    std::string key =
        std::string(1, static_cast<char>('a' + random_() % 3)) + "." + std::to_string(random_() % 3);
    std::optional<std::string> value;
    if (random_() % 4 != 0) value = std::to_string(random_() % 1000);
    bench_.woken.clear();
    uint64_t rev = bench_.change(key, value, now_);
    if (rev == 0) return;
    states_[key].emplace_back(rev, value.value_or(""));
    for (auto& watcher : watchers_) {
      bool is_woken = std::count(bench_.woken.begin(), bench_.woken.end(), &watcher->watch) > 0;
      REQUIRE(is_woken == (watcher->is_asleep && wants(*watcher, key)));
      if (is_woken) watcher->is_asleep = false;
    }
  }

  void begin() {
    WatchOrder order;
    for (uint64_t i = random_() % 2; i < 2; ++i) {
      order.keys.push_back(
          random_() % 3 == 0 ? "*" : std::string(1, static_cast<char>('a' + random_() % 3)) + ".*");
    }
    auto watcher = std::make_unique<Watcher>(std::move(order));
    for (const auto& [key, states] : states_) {
      if (!states.back().second.empty() && wants(*watcher, key)) watcher->owed.insert(key);
    }
    bench_.watches.add(watcher->watch);
    since_[watcher.get()] = bench_.table.counters().rev;
    watchers_.push_back(std::move(watcher));
  }

  void end(size_t place) {
    bench_.watches.remove(watchers_[place]->watch);
    restarted_.erase(watchers_[place].get());
    watchers_.erase(watchers_.begin() + static_cast<std::ptrdiff_t>(place));
  }

  void read(Watcher& watcher, uint64_t frames) {
    for (uint64_t i = 0; i < frames; ++i) {
      WatchStep step = bench_.next(watcher.watch);
      if (step.kind == WatchStep::Kind::nothing) {
        REQUIRE_FALSE(watcher.watch.is_behind());
        watcher.is_asleep = true;
        return;
      }
      take(watcher, step);
    }
  }

  void take(Watcher& watcher, const WatchStep& step) {
    if (step.kind == WatchStep::Kind::synced) {
      REQUIRE((watcher.owed.empty() || step.reset));
      if (step.reset) {
        forget_unsent(watcher);
        restarted_.insert(&watcher);
      }
      watcher.is_synced = true;
      watcher.owed.clear();
      return;
    }
    std::string key(step.entry->key());
    REQUIRE(wants(watcher, key));
    // All anew, since what it missed is forgotten: it begins from the front.
    if (step.entry->rev() <= watcher.last_rev) {
      REQUIRE(step.is_snapshot);
      watcher.last_rev = 0;
      restarted_.insert(&watcher);
    }
    REQUIRE(step.entry->rev() > watcher.last_rev);
    watcher.last_rev = step.entry->rev();
    const auto& states = states_[key];
    REQUIRE(states.back().first == step.entry->rev());
    // So many were made behind the one that it saw last, without this one.
    if (watcher.is_synced && !step.is_snapshot && restarted_.count(&watcher) == 0) {
      uint64_t seen = watcher.seen.count(key) > 0 ? watcher.seen[key].rev : 0;
      auto unseen = std::count_if(states.begin(), states.end(), [&](const auto& state) {
        return state.first > seen && state.first > since_[&watcher] && state.first < step.entry->rev();
      });
      REQUIRE(step.skipped == static_cast<uint64_t>(unseen));
    }
    watcher.seen[key] = {step.entry->rev(), states.back().second};
    watcher.owed.erase(key);
  }

  // A reset: what was not sent anew is not there.
  void forget_unsent(Watcher& watcher) {
    for (auto& [key, seen] : watcher.seen) {
      const ValueEntry* entry = bench_.table.find(key);
      if (entry == nullptr || !entry->visible().exists()) seen.value.clear();
    }
  }

  void compare(const Watcher& watcher) const {
    for (const auto& [key, states] : states_) {
      if (!wants(watcher, key)) continue;
      auto at = watcher.seen.find(key);
      std::string seen = at == watcher.seen.end() ? "" : at->second.value;
      INFO("key " << key);
      REQUIRE(seen == states.back().second);
    }
  }

  std::mt19937_64 random_;
  TimePoint now_ = kStart;
  Bench bench_{{.tombstones = 2, .tombstone_age = seconds(30)}};
  std::map<std::string, std::vector<std::pair<uint64_t, std::string>>> states_;  // by key: rev and value
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::map<const Watcher*, uint64_t> since_;
  std::set<const Watcher*> restarted_;
};

}  // namespace

TEST_CASE("However slowly it reads: a watch ends with the newest state of each key, in the order of revs") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    History(seed).run(400);
  }
}

TEST_CASE(
    "A watch that begins is not shown what has ended, only its end; one that may know of it is shown both") {
  Bench bench;
  bench.put("a", "1");
  bench.put("b", "1");
  bench.over.insert("a");
  ValueWatch fresh({{"*"}, 0, false});
  bench.watches.add(fresh);
  CHECK(bench.told(fresh) == "(b=1)");
  CHECK(bench.told(fresh) == "synced 2 of 1");
  bench.over.clear();
  ValueWatch knows({{"*"}, 0, false});
  bench.watches.add(knows);
  for (std::string told = "some"; told != "nothing";) told = bench.told(knows);
  bench.put("a", "2");
  bench.over.insert("a");
  CHECK(bench.told(knows) == "a=2");
  bench.drop("a");
  CHECK(bench.told(knows) == "a gone");
  bench.watches.remove(fresh);
  bench.watches.remove(knows);
}

}  // namespace bus::hub
