#include "hub/core/values/value_table.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

namespace bus::hub {

namespace {

constexpr TimePoint kStart{std::chrono::hours(1000)};

SharedText json(std::string_view text) { return SharedText(text); }

ValueChange put(std::string_view key, std::string text) {
  ValueChange change;
  change.key = key;
  change.value = json(std::move(text));
  return change;
}

ValueChange deletion(std::string_view key) {
  ValueChange change;
  change.key = key;
  return change;
}

// What a change brings, visible at once.
struct Outcome {
  ValueVerdict verdict;
  uint64_t version;
  bool operator==(const Outcome&) const = default;
};

Outcome make(ValueTable& table, const ValueChange& change, TimePoint now = kStart) {
  ValueJudgement judgement = table.apply(change, table.find(change.key), now);
  CHECK(judgement.entry == table.find(change.key));
  return {judgement.verdict, judgement.version};
}

Outcome accepted(uint64_t version) { return {ValueVerdict::accepted, version}; }

ValueTable empty_table(ValueTable::Limits limits = {}) { return ValueTable(limits, {}); }

std::vector<std::string> keys_by_rev(const ValueTable& table) {
  std::vector<std::string> keys;
  for (const ValueEntry* at = table.oldest(); at != nullptr; at = at->newer()) keys.emplace_back(at->key());
  return keys;
}

}  // namespace

TEST_CASE("A key's versions count from 1, and revs count over all keys") {
  ValueTable table = empty_table();
  CHECK(make(table, put("a", "1")) == accepted(1));
  CHECK(make(table, put("b", "1")) == accepted(1));
  CHECK(make(table, put("a", "2")) == accepted(2));
  CHECK(table.find("a")->rev() == 3);
  CHECK(table.find("b")->rev() == 2);
  CHECK(*table.find("a")->visible().value == "2");
  CHECK(keys_by_rev(table) == std::vector<std::string>{"b", "a"});
  CHECK(table.keys() == 2);
  CHECK(table.bytes() == 4);
}

TEST_CASE("A put with a version is accepted iff it is the current one plus 1") {
  ValueTable table = empty_table();
  make(table, put("a", "1"));
  for (uint64_t version : {0U, 1U, 3U}) {
    ValueChange change = put("a", "x");
    change.version = version;
    CHECK(make(table, change) == Outcome{ValueVerdict::stale, 1});
  }
  ValueChange change = put("a", "2");
  change.version = 2;
  CHECK(make(table, change) == accepted(2));
  CHECK(table.find("a")->rev() == 2);
}

TEST_CASE("A put that creates is refused where the key exists, and goes on where it was deleted") {
  ValueTable table = empty_table();
  ValueChange create = put("a", "1");
  create.create = true;
  CHECK(make(table, create) == accepted(1));
  CHECK(make(table, create) == Outcome{ValueVerdict::exists, 1});
  CHECK(make(table, deletion("a")) == accepted(2));
  CHECK(make(table, create) == accepted(3));
}

TEST_CASE("Version 1 of a key that does not exist means to create it") {
  ValueTable table = empty_table();
  ValueChange first = put("a", "1");
  first.version = 1;
  CHECK(make(table, first) == accepted(1));
  CHECK(make(table, first) == Outcome{ValueVerdict::stale, 1});
  make(table, deletion("a"));
  SECTION("deleted: it goes on") { CHECK(make(table, first) == accepted(3)); }
  SECTION("any other version that is not the next is stale") {
    ValueChange second = put("a", "1");
    second.version = 2;
    CHECK(make(table, second) == Outcome{ValueVerdict::stale, 2});
    second.version = 3;
    CHECK(make(table, second) == accepted(3));
  }
  SECTION("of a key that never was, version 2 is stale") {
    ValueChange second = put("b", "1");
    second.version = 2;
    CHECK(make(table, second) == Outcome{ValueVerdict::stale, 0});
    CHECK(table.find("b") == nullptr);
  }
}

TEST_CASE("A deletion takes a version and a rev, and nothing that does not exist is deleted") {
  ValueTable table = empty_table();
  CHECK(make(table, deletion("a")) == Outcome{ValueVerdict::not_found, 0});
  make(table, put("a", "1"));
  ValueChange wrong = deletion("a");
  wrong.version = 1;
  CHECK(make(table, wrong) == Outcome{ValueVerdict::stale, 1});
  wrong.version = 2;
  CHECK(make(table, wrong) == accepted(2));
  CHECK_FALSE(table.find("a")->visible().exists());
  CHECK(table.find("a")->rev() == 2);
  CHECK(make(table, wrong) == Outcome{ValueVerdict::not_found, 2});
  // Nor is it by version 1, which a put may say.
  wrong.version = 1;
  CHECK(make(table, wrong) == Outcome{ValueVerdict::not_found, 2});
  CHECK(table.keys() == 0);
  CHECK(table.bytes() == 0);
  CHECK(table.tombstones() == 1);
}

TEST_CASE("Old versions never fit again: across a deletion, and once the tombstone is forgotten") {
  ValueTable table = empty_table({.tombstones = 0, .tombstone_age = std::chrono::hours(24)});
  for (int i = 0; i < 6; ++i) make(table, put("a", std::to_string(i)));
  make(table, deletion("a"));
  const ValueEntry* superfluous = table.superfluous(kStart);
  REQUIRE(superfluous != nullptr);
  CHECK(superfluous->key() == "a");
  table.forget("a");
  CHECK(table.find("a") == nullptr);
  CHECK(table.counters().floor == 7);
  ValueChange old = put("a", "x");
  for (uint64_t version = 2; version <= 8; ++version) {
    old.version = version;
    CHECK(make(table, old).verdict == ValueVerdict::stale);
  }
  // Of every new key, since nobody knows which ones there were.
  CHECK(make(table, put("b", "1")) == accepted(8));
  old.version = 1;
  CHECK(make(table, old) == accepted(8));
}

TEST_CASE("Equal bytes are no change, if that is asked for") {
  ValueTable table = empty_table();
  ValueChange change = put("a", "{\"b\":1}");
  change.if_changed = true;
  CHECK(make(table, change) == accepted(1));
  CHECK(make(table, change) == Outcome{ValueVerdict::unchanged, 1});
  CHECK(table.counters().rev == 1);
  SECTION("other bytes") { change.value = json("{\"b\": 1}"); }
  SECTION("a time to live") { change.expires = kStart + seconds(1); }
  SECTION("an owner") { change.owner = 7; }
  SECTION("what was in memory alone is to be stored") { change.is_stored = true; }
  SECTION("it was deleted") {
    make(table, deletion("a"));
    CHECK(make(table, change) == accepted(3));
    return;
  }
  CHECK(make(table, change) == accepted(2));
}

TEST_CASE("A stale version is stale with equal bytes, too") {
  ValueTable table = empty_table();
  make(table, put("a", "1"));
  ValueChange change = put("a", "1");
  change.if_changed = true;
  change.version = 1;
  CHECK(make(table, change) == Outcome{ValueVerdict::stale, 1});
  change.version = 2;
  CHECK(make(table, change) == Outcome{ValueVerdict::unchanged, 1});
}

TEST_CASE("A change is judged by those before it, and seen when it is settled") {
  ValueTable table = empty_table();
  auto judge = [&](const ValueChange& change) {
    ValueJudgement judgement = table.judge(change, table.find(change.key), kStart);
    return Outcome{judgement.verdict, judgement.version};
  };
  REQUIRE(judge(put("a", "1")) == accepted(1));
  const ValueEntry* entry = table.find("a");
  REQUIRE(entry != nullptr);
  CHECK_FALSE(entry->visible().exists());
  CHECK(entry->rev() == 0);
  CHECK(keys_by_rev(table).empty());
  ValueChange create = put("a", "x");
  create.create = true;
  CHECK(judge(create).verdict == ValueVerdict::exists);
  REQUIRE(judge(put("a", "2")) == accepted(2));
  // Another key, meanwhile, is seen at once, and has the rev of that.
  CHECK(make(table, put("b", "1")) == accepted(1));
  CHECK(table.find("b")->rev() == 1);

  SECTION("settled") {
    table.settle(*entry);
    CHECK(entry->visible().version == 1);
    CHECK(entry->rev() == 2);
    CHECK(entry->waiting() == 1);
    table.settle(*entry);
    CHECK(*entry->visible().value == "2");
    CHECK(entry->rev() == 3);
    CHECK(keys_by_rev(table) == std::vector<std::string>{"b", "a"});
  }
  SECTION("taken back") {
    table.withdraw(*entry);
    CHECK(table.find("a") == nullptr);
    CHECK(make(table, create) == accepted(1));
    CHECK(table.find("a")->rev() == 2);
  }
  SECTION("taken back to what was settled") {
    table.settle(*entry);
    table.withdraw(*entry);
    CHECK(*entry->visible().value == "1");
    CHECK(entry->newest().version == 1);
  }
}

TEST_CASE("A tombstone is forgotten when it is too old or one too many, the oldest first") {
  ValueTable table = empty_table({.tombstones = 2, .tombstone_age = seconds(10)});
  for (const char* key : {"a", "b", "c"}) {
    make(table, put(key, "1"), kStart);
    make(table, deletion(key), kStart + seconds(key[0] - 'a'));
  }
  REQUIRE(table.superfluous(kStart) != nullptr);
  CHECK(table.superfluous(kStart)->key() == "a");
  table.forget("a");
  CHECK(table.superfluous(kStart) == nullptr);
  CHECK(table.next_superfluous() == kStart + seconds(11));
  CHECK(table.superfluous(kStart + milliseconds(10'999)) == nullptr);
  CHECK(table.superfluous(kStart + seconds(11))->key() == "b");
  SECTION("one with a change that waits is none") {
    const ValueEntry* entry = table.find("b");
    REQUIRE(table.judge(put("b", "2"), entry, kStart).verdict == ValueVerdict::accepted);
    CHECK(table.superfluous(kStart + seconds(11)) == nullptr);
    CHECK(table.superfluous(kStart + seconds(12))->key() == "c");
    table.withdraw(*entry);
    CHECK(table.superfluous(kStart + seconds(11))->key() == "b");
  }
}

TEST_CASE("What a store has kept goes on where it was") {
  ValueTable table({}, {.rev = 40, .floor = 9});
  ValueState state;
  state.version = 3;
  state.value = json("1");
  table.load("a", state, 12);
  state.version = 5;
  state.value = nullptr;
  table.load("gone", state, 30);
  CHECK(keys_by_rev(table) == std::vector<std::string>{"a", "gone"});
  CHECK(make(table, put("a", "2")) == accepted(4));
  CHECK(table.find("a")->rev() == 41);
  CHECK(make(table, put("gone", "2")) == accepted(6));
  CHECK(make(table, put("new", "2")) == accepted(10));
}

namespace {

// The same in the simplest words: every state that a key ever had, and none is ever moved.
class Model {
 public:
  struct State {
    uint64_t version = 0;
    uint64_t rev = 0;
    std::string value;  // empty: deleted
  };

  uint64_t rev = 0;
  uint64_t floor = 0;
  std::map<std::string, std::vector<State>> seen;
  std::map<std::string, std::vector<State>> waiting;

  const State* newest(const std::string& key) const {
    if (auto at = waiting.find(key); at != waiting.end() && !at->second.empty()) return &at->second.back();
    return visible(key);
  }
  const State* visible(const std::string& key) const {
    auto at = seen.find(key);
    return at == seen.end() ? nullptr : &at->second.back();
  }
};

// One history of random changes of a few keys, some of which wait, are seen, or are taken back.
class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (random_() % 10) {
        case 0:
          fail();
          break;
        case 1:
          forget();
          break;
        case 2:
        case 3:
        case 4:
          settle_oldest();
          break;
        default:
          change();
      }
      compare();
      now_ += seconds(random_() % 5);
    }
    fail();
    compare();
  }

 private:
  std::string any_key() { return std::string(1, static_cast<char>('a' + random_() % 5)); }

  void change() {
    std::string key = any_key();
    const Model::State* newest = model_.newest(key);
    bool exists = newest != nullptr && !newest->value.empty();
    uint64_t current = newest != nullptr ? newest->version : 0;
    ValueChange change = random_() % 4 == 0 ? deletion(key) : put(key, std::to_string(random_() % 3));
    if (random_() % 2 == 0) change.version = current + random_() % 3;
    change.create = change.value != nullptr && random_() % 4 == 0;
    change.if_changed = random_() % 3 == 0;

    auto expected = ValueVerdict::accepted;
    bool creates = change.value != nullptr && !exists && change.version == 1;
    if (change.value == nullptr && !exists) {
      expected = ValueVerdict::not_found;
    } else if (change.create && exists) {
      expected = ValueVerdict::exists;
    } else if (change.version && *change.version != current + 1 && !creates) {
      expected = ValueVerdict::stale;
    } else if (change.if_changed && exists && change.value != nullptr && *change.value == newest->value) {
      expected = ValueVerdict::unchanged;
    }
    const ValueEntry* known = table_.find(key);
    // As what is not stored first.
    bool is_at_once = random_() % 3 == 0 && (known == nullptr || known->waiting() == 0);
    ValueJudgement judgement =
        is_at_once ? table_.apply(change, known, now_) : table_.judge(change, known, now_);
    REQUIRE(judgement.verdict == expected);
    REQUIRE(judgement.entry == table_.find(key));
    uint64_t version = judgement.version;
    if (expected != ValueVerdict::accepted) {
      REQUIRE(version == current);
      return;
    }
    REQUIRE(version == (newest != nullptr ? current : model_.floor) + 1);
    model_.waiting[key].push_back({version, 0, change.value ? std::string(*change.value) : ""});
    if (is_at_once) {
      shown(key);
    } else {
      order_.push_back(key);
    }
  }

  // The oldest change of the key that waited.
  void shown(const std::string& key) {
    auto& waiting = model_.waiting[key];
    Model::State state = waiting.front();
    waiting.erase(waiting.begin());
    state.rev = ++model_.rev;
    REQUIRE(given_.emplace(key, state.version).second);
    model_.seen[key].push_back(state);
    REQUIRE(table_.find(key)->rev() == state.rev);
  }

  void settle_oldest() {
    if (order_.empty()) return;
    std::string key = order_.front();
    order_.pop_front();
    table_.settle(*table_.find(key));
    shown(key);
  }

  // As when the store fails.
  void fail() {
    std::set<std::string> keys(order_.begin(), order_.end());
    order_.clear();
    for (const std::string& key : keys) {
      table_.withdraw(*table_.find(key));
      model_.waiting[key].clear();
    }
  }

  void forget() {
    const ValueEntry* superfluous = table_.superfluous(now_);
    if (superfluous == nullptr) return;
    std::string key(superfluous->key());
    const Model::State* visible = model_.visible(key);
    REQUIRE(visible != nullptr);
    REQUIRE(visible->value.empty());
    REQUIRE(model_.waiting[key].empty());
    model_.floor = std::max(model_.floor, visible->version);
    model_.seen.erase(key);
    table_.forget(key);
  }

  void compare() const {
    std::map<uint64_t, std::string> by_rev;
    size_t existing = 0;
    for (const auto& [key, states] : model_.seen) {
      by_rev[states.back().rev] = key;
      if (!states.back().value.empty()) ++existing;
      const ValueEntry* entry = table_.find(key);
      REQUIRE(entry != nullptr);
      REQUIRE(entry->rev() == states.back().rev);
      REQUIRE(entry->visible().version == states.back().version);
      REQUIRE(entry->visible().exists() == !states.back().value.empty());
      if (entry->visible().exists()) REQUIRE(*entry->visible().value == states.back().value);
      REQUIRE(entry->newest().version == model_.newest(key)->version);
    }
    REQUIRE(table_.keys() == existing);
    REQUIRE(table_.counters().rev == model_.rev);
    REQUIRE(table_.counters().floor == model_.floor);
    const ValueEntry* before = nullptr;
    auto expected = by_rev.begin();
    for (const ValueEntry* at = table_.oldest(); at != nullptr; before = at, at = at->newer()) {
      REQUIRE(expected != by_rev.end());
      REQUIRE(at->key() == expected->second);
      REQUIRE(at->older() == before);
      ++expected;
    }
    REQUIRE(expected == by_rev.end());
    REQUIRE(table_.newest() == before);
  }

  std::mt19937_64 random_;
  TimePoint now_ = kStart;
  ValueTable table_{{.tombstones = 2, .tombstone_age = seconds(20)}, {}};
  Model model_;
  std::deque<std::string> order_;                     // of what waits
  std::set<std::pair<std::string, uint64_t>> given_;  // versions that somebody may have seen
};

}  // namespace

TEST_CASE("Whatever changes, waits, fails and is forgotten: the table is as the model says") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    History(seed).run(400);
  }
}

}  // namespace bus::hub
