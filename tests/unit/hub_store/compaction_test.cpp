// What was replaced is removed, and nothing else.
//
// BUSD_SEED=N replays one history.
#include <cstdlib>
#include <random>

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uint64_t kSpare = 4'000;

void sql(const std::string& path, const char* text, uint64_t& answer) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_prepare_v2(database, text, -1, &statement, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
  answer = static_cast<uint64_t>(sqlite3_column_int64(statement, 0));
  sqlite3_finalize(statement);
  sqlite3_close(database);
}

// One store over several runs, beside a map.
class History {
 public:
  explicit History(uint64_t seed) : chance_(seed) {}

  void run() {
    for (int life = 0; life < 5; ++life) {
      OpenDatabase database(dir_.file("v"), kBoot, 77, nullptr, 50, kSpare);
      CHECK(database.found.set_aside.empty());
      CHECK(texts(database.found.rows) == expected());
      for (uint64_t steps = chance_() % 120; steps > 0; --steps) {
        std::vector<Batch> batches(1 + chance_() % 3);
        for (Batch& batch : batches) fill(batch);
        REQUIRE(database->apply(batches));
        if (chance_() % 4 != 0) REQUIRE(database->tidy());
      }
      if (database->page() != nullptr) database.give(rev_, version_);
      if (chance_() % 2 == 0) {
        REQUIRE(database->tidy());
        REQUIRE(database->finish(database.record(rev_, version_), false));
      }
    }
  }

 private:
  std::string some_key() { return "k" + std::to_string(chance_() % 30); }

  void fill(Batch& batch) {
    for (uint64_t n = chance_() % 3; n > 0; --n) {
      std::string key = some_key();
      auto found = rows_.find(key);
      if (found == rows_.end() || found->second.value) continue;
      rows_.erase(found);
      batch.forgotten.push_back(key);
    }
    for (uint64_t n = chance_() % 6; n > 0; --n) {
      std::string key = some_key();
      Row next = row(key, ++version_, ++rev_, std::string(chance_() % 200, 'v'));
      if (chance_() % 50 == 0) next.value = SharedText(std::string(300'000, 'w'));
      if (chance_() % 3 == 0) next.value = nullptr;
      rows_[key] = next;
      batch.rows.push_back(next);
    }
  }

  Texts expected() const {
    std::vector<Row> rows;
    for (const auto& [key, row] : rows_) rows.push_back(row);
    return texts(rows);
  }

  std::mt19937_64 chance_;
  TempDir dir_;
  std::map<std::string, Row> rows_;
  uint64_t rev_ = 0;
  uint64_t version_ = 0;
};

Batch forgetting(uint64_t number, const std::string& key) {
  Batch out = batch(number, {});
  out.forgotten = {key};
  return out;
}

}  // namespace

TEST_CASE("What is read again is the newest row of each key that was not forgotten, over many runs",
          "[long]") {
  const char* given = std::getenv("BUSD_SEED");
  uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + (given != nullptr ? 1 : 30); ++seed) {
    INFO("BUSD_SEED=" << seed);
    History(seed).run();
  }
}

TEST_CASE("What is stored stays at most twice as much as what counts, and a little") {
  TempDir dir;
  constexpr uint64_t kCold = 1'000;
  std::string value(500, 'v');
  OpenDatabase database(dir.file("v"), kBoot, 77, nullptr, kMaxLogPages, 20'000);
  std::vector<Row> cold;
  for (uint64_t i = 1; i <= kCold; ++i) cold.push_back(row("cold" + std::to_string(i), 1, i, value));
  REQUIRE(database->apply(one(batch(1, cold))));
  uint64_t rev = kCold;
  for (int i = 0; i < 2'000; ++i) {
    ++rev;
    REQUIRE(database->apply(one(batch(rev, {row("hot" + std::to_string(i % 5), rev, rev, value)}))));
    REQUIRE(database->tidy());
  }
  database.give(rev, rev);
  database.database.reset();
  uint64_t stored = 0;
  sql(dir.file("v"), "SELECT sum(length(entries)) FROM chunk", stored);
  constexpr uint64_t kRowBytes = 64 * 9;  // header, key, value and checksum, rounded up as it is counted
  CHECK(stored > kCold * 500);
  CHECK(stored <= 2 * (kCold + 5) * kRowBytes + 20'000 + 262'144);
  CHECK(OpenDatabase(dir.file("v")).found.rows.size() == kCold + 5);
}

TEST_CASE("Nothing is moved while what was replaced is little") {
  TempDir dir;
  OpenDatabase database(dir.file("v"));
  for (uint64_t i = 1; i <= 1'000; ++i) {
    REQUIRE(database->apply(one(batch(i, {row("a", i, i)}))));
    REQUIRE(database->tidy());
  }
  database.database.reset();
  uint64_t chunks = 0;
  sql(dir.file("v"), "SELECT count(*) FROM chunk", chunks);
  CHECK(chunks == 1'000);
}

TEST_CASE("Of one commit only the newest row of a key is written, and none of one that it forgets") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    std::vector<Batch> together;
    for (uint64_t i = 1; i <= 9; ++i)
      together.push_back(
          batch(i, {row("a", i, 2 * i - 1, "old"), row("b", i, 2 * i, std::string(1000, 'b'))}));
    together.push_back(batch(10, {row("a", 10, 19, "new"), tombstone("b", 10, 20)}));
    together.push_back(forgetting(11, "b"));
    REQUIRE(database->apply(together));
  }
  uint64_t bytes = 0;
  sql(dir.file("v"), "SELECT sum(length(entries)) FROM chunk", bytes);
  CHECK(bytes < 100);
  CHECK(texts(OpenDatabase(dir.file("v")).found.rows).size() == 1);
}

TEST_CASE("A forgotten key does not come back while its rows are still there, and comes anew after that") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
    REQUIRE(database->apply(one(batch(2, {tombstone("a", 2, 2), row("b", 1, 3)}))));
    REQUIRE(database->apply(one(forgetting(3, "a"))));
    database.give(3, 2);
  }
  {
    OpenDatabase database(dir.file("v"), kBoot, 77, nullptr, kMaxLogPages, 0);
    CHECK(texts(database.found.rows) == Texts{"b=1@1/3"});
    // Enough to move all that came before: the rows of the key go first, and then what says that it is forgotten.
    for (uint64_t i = 4; i <= 40; ++i) {
      REQUIRE(database->apply(one(batch(i, {row("c", i, i)}))));
      REQUIRE(database->tidy());
    }
    database.give(40, 40);
  }
  {
    OpenDatabase database(dir.file("v"));
    CHECK(texts(database.found.rows) == Texts{"b=1@1/3", "c=1@40/40"});
    REQUIRE(database->apply(one(batch(1, {row("a", 41, 41, "2")}))));
    database.give(41, 41);
  }
  CHECK(texts(OpenDatabase(dir.file("v")).found.rows) == Texts{"a=2@41/41", "b=1@1/3", "c=1@40/40"});
}
