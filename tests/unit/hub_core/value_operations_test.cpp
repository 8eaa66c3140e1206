#include "hub/core/values/value_operations.h"

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

struct Operation : ValueOperation {
  std::string name;
};

// What took effect, in order: "name", "name refused", "name not stored", "name sees 3".
struct Bench : ValueOperations::Owner {
  ValueTable table{{}, {}};
  ValueOperations operations{table, *this};
  std::vector<std::string> done;
  uint64_t serial = 0;

  explicit Bench(bool has_store = true) { operations.set_store(has_store); }

  void judged(ValueOperation& operation, const ValueJudgement& judgement) override {
    const auto& [verdict, version, entry] = judgement;
    const std::string& name = static_cast<Operation&>(operation).name;
    REQUIRE(entry == table.find(operation.key));
    if (verdict != ValueVerdict::accepted) return done.push_back(name + " refused");
    REQUIRE(entry != nullptr);
    REQUIRE(entry->visible().version == version);
    done.push_back(name);
  }
  void not_stored(ValueOperation& operation) override {
    done.push_back(static_cast<Operation&>(operation).name + " not stored");
  }
  void taken_back() override { done.emplace_back("taken back"); }
  void look(ValueOperation& operation) override {
    const ValueEntry* entry = table.find(operation.key);
    uint64_t version = entry == nullptr ? 0 : entry->visible().version;
    done.push_back(static_cast<Operation&>(operation).name + " sees " + std::to_string(version));
  }

  static std::unique_ptr<Operation> make(PeerId from, const std::string& name, const std::string& key) {
    auto operation = std::make_unique<Operation>();
    operation->from = from;
    operation->name = name;
    operation->key = key;
    operation->bytes = 10;
    return operation;
  }
  void put(PeerId from, const std::string& name, const std::string& key, bool is_stored,
           std::optional<uint64_t> version = std::nullopt) {
    auto operation = make(from, name, key);
    operation->change.emplace();
    operation->change->value = SharedText("1");
    operation->change->is_stored = is_stored;
    operation->change->version = version;
    operations.take(std::move(operation), kStart);
  }
  void drop(PeerId from, const std::string& name, const std::string& key) {
    auto operation = make(from, name, key);
    operation->change.emplace();
    operations.take(std::move(operation), kStart);
  }
  void get(PeerId from, const std::string& name, const std::string& key) {
    operations.take(make(from, name, key), kStart);
  }
  uint64_t end_turn() {
    auto batch = operations.end_turn();
    REQUIRE(batch);
    return batch->number;
  }
  std::vector<std::string> take_done() { return std::exchange(done, {}); }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("What is not stored takes effect at once") {
  Bench bench;
  bench.put(1, "put", "a", false);
  bench.get(2, "get", "a");
  CHECK(bench.take_done() == Lines{"put", "get sees 1"});
  CHECK_FALSE(bench.operations.end_turn());
}

TEST_CASE("What is stored is seen when it is committed, and holds up its own connection alone") {
  Bench bench;
  bench.put(1, "put", "a", true);
  bench.get(1, "get", "b");
  bench.put(1, "memory", "c", false);
  bench.get(2, "other", "a");
  bench.put(2, "other memory", "c", false);
  CHECK(bench.take_done() == Lines{"other sees 0", "other memory"});
  CHECK(bench.operations.waiting(1).operations == 3);
  CHECK(bench.operations.waiting(1).bytes == 30);
  CHECK(bench.operations.waiting(2).operations == 0);
  uint64_t batch = bench.end_turn();
  CHECK(bench.take_done().empty());
  bench.operations.committed(batch, kStart);
  CHECK(bench.take_done() == Lines{"put", "get sees 0", "memory"});
  CHECK(bench.operations.waiting(1).operations == 0);
}

TEST_CASE(
    "All that a turn has for the store is one batch, and a connection's puts need no answer in between") {
  Bench bench;
  bench.put(1, "first", "a", true);
  bench.put(1, "second", "a", true);
  bench.put(2, "third", "b", true);
  auto batch = bench.operations.end_turn();
  REQUIRE(batch);
  REQUIRE(batch->rows.size() == 3);
  CHECK(batch->rows[1].key == "a");
  CHECK(batch->rows[1].state.version == 2);
  bench.put(1, "fourth", "a", true);
  uint64_t next = bench.end_turn();
  CHECK(next == batch->number + 1);
  bench.operations.committed(batch->number, kStart);
  CHECK(bench.take_done() == Lines{"first", "second", "third"});
  bench.operations.committed(next, kStart);
  CHECK(bench.take_done() == Lines{"fourth"});
}

TEST_CASE("A change is judged by one that waits, and refused only when that is seen") {
  Bench bench;
  bench.put(1, "first", "a", true, 1);
  bench.put(2, "second", "a", true, 1);
  CHECK(bench.take_done().empty());
  bench.operations.committed(bench.end_turn(), kStart);
  CHECK(bench.take_done() == Lines{"first", "second refused"});
}

TEST_CASE("A change behind one that was not judged waits for it") {
  Bench bench;
  bench.put(1, "stored", "a", true);
  bench.put(1, "memory", "b", false);
  bench.put(1, "stored on it", "b", true, 2);
  bench.operations.committed(bench.end_turn(), kStart);
  CHECK(bench.take_done() == Lines{"stored", "memory"});
  bench.operations.committed(bench.end_turn(), kStart);
  CHECK(bench.take_done() == Lines{"stored on it"});
}

TEST_CASE(
    "What is put in memory over a stored key, or deletes one, stores a tombstone of its version first") {
  Bench bench;
  bench.put(1, "stored", "a", true);
  bench.operations.committed(bench.end_turn(), kStart);
  bench.take_done();
  bool puts = GENERATE(true, false);
  if (puts) {
    bench.put(2, "over it", "a", false);
  } else {
    bench.drop(2, "over it", "a");
  }
  bench.get(3, "get", "a");
  CHECK(bench.take_done() == Lines{"get sees 1"});
  auto batch = bench.operations.end_turn();
  REQUIRE(batch);
  REQUIRE(batch->rows.size() == 1);
  CHECK(batch->rows[0].state.version == 2);
  CHECK(batch->rows[0].state.value == nullptr);
  bench.operations.committed(batch->number, kStart);
  CHECK(bench.table.find("a")->visible().exists() == puts);
  // From then on, it is in memory alone.
  bench.take_done();
  bench.put(2, "again", "a", false);
  CHECK(bench.take_done() == Lines{"again"});
}

TEST_CASE("A store that fails refuses what needs it, and nothing else") {
  Bench bench;
  bench.put(1, "kept", "k", true);
  bench.operations.committed(bench.end_turn(), kStart);
  bench.put(1, "put", "a", true);
  bench.get(1, "get", "a");
  bench.put(1, "memory", "b", false);
  static_cast<void>(bench.end_turn());
  bench.put(2, "next turn", "a", true);
  bench.take_done();
  bench.operations.failed(kStart);
  CHECK(bench.take_done() ==
        Lines{"taken back", "put not stored", "get sees 0", "memory", "next turn not stored"});
  bench.put(1, "later", "a", true);
  bench.put(1, "over a stored one", "k", false);
  bench.put(1, "in memory", "a", false);
  CHECK(bench.take_done() == Lines{"later not stored", "over a stored one not stored", "in memory"});
}

TEST_CASE("What was accepted of a connection that has gone takes effect, and what waits behind it does not") {
  Bench bench;
  bench.put(1, "put", "a", true);
  bench.get(1, "get", "a");
  bench.operations.forget(1);
  CHECK(bench.operations.waiting(1).operations == 0);
  bench.operations.committed(bench.end_turn(), kStart);
  CHECK(bench.take_done() == Lines{"put"});
  CHECK(bench.table.find("a")->visible().version == 1);
}

namespace {

// Random operations of a few connections on a few keys, over a store that commits late, or fails at last.
class History : ValueOperations::Owner {
 public:
  explicit History(uint64_t seed) : random_(seed) { operations_.set_store(true); }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (random_() % 10) {
        case 0:
        case 1:
          end_turn();
          break;
        case 2:
        case 3:
          commit();
          break;
        default:
          begin_one();
      }
      compare();
    }
    if (random_() % 2 == 0) {
      operations_.failed(kStart);
      has_failed_ = true;
      given_out_.clear();
    }
    end_turn();
    while (!given_out_.empty() || !has_failed_) {
      commit();
      end_turn();
      if (given_out_.empty()) break;
    }
    compare();
    for (PeerId peer = 1; peer <= 3; ++peer) {
      REQUIRE(operations_.waiting(peer).operations == 0);
      REQUIRE(last_done_[peer] == last_sent_[peer]);
    }
  }

 private:
  struct Numbered : ValueOperation {
    PeerId sent_by = 0;
    uint64_t number = 0;
  };

  void begin_one() {
    auto operation = std::make_unique<Numbered>();
    operation->from = operation->sent_by = 1 + random_() % 3;
    operation->number = ++last_sent_[operation->from];
    operation->key = std::string(1, static_cast<char>('a' + random_() % 3));
    operation->bytes = 1;
    if (random_() % 3 != 0) {
      operation->change.emplace();
      if (random_() % 5 != 0) operation->change->value = SharedText("1");
      operation->change->is_stored = operation->change->value != nullptr && random_() % 2 == 0;
      if (random_() % 3 == 0) operation->change->version = 1 + random_() % 6;
    }
    const ValueEntry* entry = table_.find(operation->key);
    bool touches_store =
        operation->change && (operation->change->is_stored ||
                              (entry != nullptr && (entry->waiting() > 0 || entry->newest().is_stored)));
    bool is_free = operations_.waiting(operation->from).operations == 0 && !touches_store;
    PeerId from = operation->from;
    uint64_t number = operation->number;
    operations_.take(std::move(operation), kStart);
    // Nobody waits for what others wait for.
    if (is_free) REQUIRE(last_done_[from] == number);
  }

  void end_turn() {
    if (auto batch = operations_.end_turn()) given_out_.push_back(std::move(*batch));
  }

  void commit() {
    if (given_out_.empty()) return;
    ValueBatch batch = std::move(given_out_.front());
    given_out_.pop_front();
    for (const ValueRow& row : batch.rows) {
      // A row comes again only to tell another rev.
      ValueRow& known = stored_[row.key];
      REQUIRE((known.state.version < row.state.version ||
               (known.state.version == row.state.version && known.rev != row.rev &&
                known.state.exists() == row.state.exists())));
      known = row;
    }
    operations_.committed(batch.number, kStart);
  }

  // What is seen is not undone by the end of the process.
  void compare() {
    for (const char* key : {"a", "b", "c"}) {
      const ValueEntry* entry = table_.find(key);
      if (entry == nullptr) continue;
      const ValueState& visible = entry->visible();
      auto at = stored_.find(key);
      if (visible.is_stored) {
        REQUIRE(at != stored_.end());
        REQUIRE(at->second.state.version == visible.version);
        REQUIRE(at->second.state.exists());
      } else if (at != stored_.end()) {
        REQUIRE_FALSE(at->second.state.exists());
        REQUIRE(at->second.state.version <= visible.version);
      }
      bool is_newest = at != stored_.end() && at->second.state.version == visible.version;
      if (is_newest && operations_.are_revs_stored()) REQUIRE(at->second.rev == entry->rev());
    }
  }

  void done(ValueOperation& operation) {
    auto& numbered = static_cast<Numbered&>(operation);
    REQUIRE(numbered.number == ++last_done_[numbered.sent_by]);
  }
  void judged(ValueOperation& operation, const ValueJudgement& judgement) override {
    done(operation);
    REQUIRE(judgement.entry == table_.find(operation.key));
    if (judgement.verdict == ValueVerdict::accepted)
      REQUIRE(judgement.entry->visible().version == judgement.version);
  }
  void not_stored(ValueOperation& operation) override {
    REQUIRE(operation.change);
    done(operation);
  }
  void taken_back() override {}
  void look(ValueOperation& operation) override {
    REQUIRE_FALSE(operation.change);
    done(operation);
  }

  std::mt19937_64 random_;
  ValueTable table_{{}, {}};
  ValueOperations operations_{table_, *this};
  std::deque<ValueBatch> given_out_;
  std::map<std::string, ValueRow> stored_;
  std::map<PeerId, uint64_t> last_sent_;
  std::map<PeerId, uint64_t> last_done_;
  bool has_failed_ = false;
};

}  // namespace

TEST_CASE(
    "Whatever waits for the store: each connection's operations take effect once, in order, and nothing seen "
    "is undone") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    History(seed).run(300);
  }
}

}  // namespace bus::hub
