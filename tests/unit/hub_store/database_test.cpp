#include "hub/store/database.h"

#include <sys/wait.h>

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

TEST_CASE("A database is made at the first batch that has a row, and not before") {
  TempDir dir;
  std::string path = dir.file("state/busd/v.values");
  {
    OpenDatabase database(path);
    CHECK(database.found.start.is_new_epoch);
    CHECK(database.found.start.meta.epoch == 77);
    CHECK(database->page() == nullptr);
    Batch ceilings = batch(1, {});
    ceilings.meta = database.found.start.meta;
    ceilings.meta->floor = 5;
    REQUIRE(database->apply(one(std::move(ceilings))));
    CHECK_FALSE(exists(dir.file("state")));
    REQUIRE(database->apply(one(batch(2, {row("a", 6, 1, R"({"x":1})")}))));
    CHECK(database->page() != nullptr);
    for (const char* ending : {"", "-wal", "-run"}) {
      struct stat st {};
      INFO(ending);
      REQUIRE(::lstat((path + ending).c_str(), &st) == 0);
      CHECK((st.st_mode & 0777) == 0600);
    }
    CHECK_FALSE(exists(path + "-shm"));
    CHECK_FALSE(exists(path + "-new"));
    database.give(1, 6);
  }
  OpenDatabase again(path, kBoot, 78);
  CHECK_FALSE(again.found.start.is_new_epoch);
  CHECK(again.found.start.meta.epoch == 77);
  CHECK(again.found.start.meta.floor == 5);
  CHECK(texts(again.found.rows) == Texts{R"(a={"x":1}@6/1)"});
}

TEST_CASE("What is put is read again with everything that it has") {
  TempDir dir;
  Row full = row("k.\u00e9", 3, 2, std::string(300'000, 'v'));
  full.uid = 4'000'000'000;
  full.changed_ms = -5;
  full.expires = Expiry{kNextBoot, 1234, -99};
  Row gone = tombstone("gone", uint64_t{1} << 63, ~uint64_t{0});
  gone.expired = true;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {full, gone, row("empty", 1, 1, "")}, true))));
  }
  OpenDatabase again(dir.file("v"), kBoot);
  std::map<std::string, Row> rows;
  for (Row& row : again.found.rows) rows[row.key] = row;
  CHECK(rows.size() == 3);
  CHECK(*rows["k.\u00e9"].value == *full.value);
  CHECK(rows["k.\u00e9"].uid == full.uid);
  CHECK(rows["k.\u00e9"].changed_ms == -5);
  CHECK(rows["k.\u00e9"].expires == full.expires);
  CHECK_FALSE(rows["k.\u00e9"].expired);
  CHECK(rows["gone"].value == nullptr);
  CHECK(rows["gone"].expired);
  CHECK_FALSE(rows["gone"].expires.has_value());
  REQUIRE(rows["empty"].value != nullptr);
  CHECK(rows["empty"].value.size() == 0);
}

TEST_CASE(
    "A row replaces the one before, a forgotten key has none, and the numbers are those of the last batch") {
  TempDir dir;
  OpenDatabase database(dir.file("v"));
  Batch first = batch(1, {row("a", 1, 1), row("b", 1, 2)});
  Batch second = batch(2, {row("a", 2, 3, "2"), tombstone("b", 2, 4)});
  Batch third = batch(3, {});
  third.forgotten = {"b"};
  third.meta = database.found.start.meta;
  third.meta->floor = 2;
  third.meta->rev = 4;
  std::vector<Batch> together;
  together.push_back(std::move(first));
  together.push_back(std::move(second));
  REQUIRE(database->apply(together));
  REQUIRE(database->apply(one(std::move(third))));
  database.give(4, 2);
  database.database.reset();
  OpenDatabase again(dir.file("v"));
  CHECK_FALSE(again.found.start.is_new_epoch);
  CHECK(texts(again.found.rows) == Texts{"a=2@2/3"});
  CHECK(again.found.start.meta.floor == 2);
  CHECK(again.found.start.rev == 4);
}

TEST_CASE("After a clean end there is one file and its page, and the next boot goes on") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1), row("b", 1, 2)}))));
    database.give(3, 1);  // a deletion of something that was never stored
    REQUIRE(database->finish(database.record(3, 1), false));
  }
  CHECK_FALSE(exists(dir.file("v-wal")));
  OpenDatabase again(dir.file("v"), kNextBoot, 78);
  CHECK_FALSE(again.found.start.is_new_epoch);
  CHECK(again.found.start.rev == 3);
  CHECK(again.found.rows.size() == 2);
}

TEST_CASE("After a clean end with memory values the next run has a new epoch, which is stored") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
    REQUIRE(database->finish(database.record(9, 4), true));
  }
  {
    OpenDatabase second(dir.file("v"), kBoot, 78);
    CHECK(second.found.start.is_new_epoch);
    CHECK(second.found.start.meta.epoch == 78);
    CHECK(second.found.start.meta.floor == 5);
    CHECK(second.found.start.rev == 9);
  }
  OpenDatabase third(dir.file("v"), kBoot, 79);
  CHECK_FALSE(third.found.start.is_new_epoch);
  CHECK(third.found.start.meta.epoch == 78);
  CHECK(third.found.start.meta.floor == 5);
}

TEST_CASE("What a loss of power may have taken changes every number, once") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1), tombstone("b", 2, 2)}))));
    database.give(2, 2);
  }
  Texts after;
  {
    OpenDatabase second(dir.file("v"), kNextBoot, 78);
    CHECK(second.found.start.is_new_epoch);
    after = texts(second.found.rows);
    CHECK(after[0].find("a=1@" + std::to_string(second.found.start.meta.floor)) == 0);
    CHECK(second.found.rows.front().rev > kCeilingBlock);
  }
  OpenDatabase third(dir.file("v"), kNextBoot, 79);
  CHECK_FALSE(third.found.start.is_new_epoch);
  CHECK(texts(third.found.rows) == after);
}

TEST_CASE("What is lost at one end is not lost again at the next one") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
    database.give(1, 1);
    database->page()->set_memory();
    database->page()->give(9, 9);
  }
  {
    OpenDatabase second(dir.file("v"), kBoot, 78);
    CHECK(second.found.start.is_new_epoch);
    CHECK(second.found.start.rev == 9);
  }
  {
    OpenDatabase third(dir.file("v"), kBoot, 79);
    CHECK_FALSE(third.found.start.is_new_epoch);
    CHECK(third.found.start.rev == 9);
    third->page()->set_failed();
  }
  CHECK(OpenDatabase(dir.file("v"), kBoot, 80).found.start.is_new_epoch);
  CHECK_FALSE(OpenDatabase(dir.file("v"), kBoot, 81).found.start.is_new_epoch);
}

TEST_CASE("A log that is long is moved to the file, and does not grow for ever") {
  TempDir dir;
  OpenDatabase database(dir.file("v"), kBoot, 77, nullptr, 100, 100'000);
  std::string value(20'000, 'v');
  for (uint64_t i = 1; i <= 200; ++i) {
    REQUIRE(database->apply(one(batch(i, {row("k" + std::to_string(i % 10), i, i, value)}))));
    REQUIRE(database->tidy());
  }
  struct stat st {};
  REQUIRE(::stat(dir.file("v-wal").c_str(), &st) == 0);
  CHECK(st.st_size < 120 * 4200);
  REQUIRE(::stat(dir.file("v").c_str(), &st) == 0);
  CHECK(st.st_size < 1'500'000);
}

TEST_CASE("A second hub on one database is told so, and so is one that comes before the first batch") {
  TempDir dir;
  OpenDatabase early(dir.file("v"));
  OpenDatabase first(dir.file("v"));
  REQUIRE(first->apply(one(batch(1, {row("a", 1, 1)}))));
  std::string what;
  CHECK(error_of_open(dir.file("v"), &what) == Errc::busy);
  CHECK(what.find("another hub keeps its values there") != std::string::npos);
  auto done = early->apply(one(batch(1, {row("a", 1, 1, "2")})));
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::busy);
  CHECK(early->failed().has_value());
  first.database.reset();

  // The first one is gone; its database is not overwritten.
  OpenDatabase late(dir.file("other"));
  REQUIRE(::rename(dir.file("v").c_str(), dir.file("other").c_str()) == 0);
  done = late->apply(one(batch(1, {row("b", 1, 1)})));
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::busy);
}

TEST_CASE("A database that another program has open is busy") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  }
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(dir.file("v").c_str(), &other) == SQLITE_OK);
  // In this process too, SQLite's locks are by connection.
  REQUIRE(sqlite3_exec(other, "BEGIN; SELECT * FROM chunk", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(error_of_open(dir.file("v")) == Errc::busy);
  sqlite3_close(other);
  OpenDatabase again(dir.file("v"));
  CHECK(again.found.rows.size() == 1);
}

TEST_CASE("A copy that was made while the hub ran, without its log, is another state, and has a new epoch") {
  TempDir dir;
  OpenDatabase database(dir.file("v"));
  REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}, true))));
  write_file(dir.file("copy"), contents(dir.file("v")));
  OpenDatabase copy(dir.file("copy"), kBoot, 78);
  CHECK(copy.found.set_aside.empty());
  CHECK(copy.found.start.is_new_epoch);
  CHECK(copy.found.rows.empty());

  // The copy takes the place of the first one, beside its page.
  database.give(1, 1);
  copy.database.reset();
  write_file(dir.file("copy"), contents(dir.file("v")));
  database.database.reset();
  REQUIRE(::unlink(dir.file("v-wal").c_str()) == 0);
  OpenDatabase after(dir.file("v"), kBoot, 79);
  CHECK(after.found.start.is_new_epoch);
  CHECK(after.found.start.rev > 1);
}
