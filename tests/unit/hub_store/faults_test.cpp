// The n-th call that changes a file fails, for n = 1, 2, … until no call is left to fail: never a crash, always a defined state.
#include "tests/unit/hub_store/support.h"
#include "tests/unit/hub_store/test_vfs.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uint64_t kBatches = 6;

struct Fault {
  const char* what;
  bool for_good;  // every call from the n-th on fails, not only that one
  std::function<int(TestVfs::Call)> code;
};

int full(TestVfs::Call call) { return call == TestVfs::Call::sync ? SQLITE_IOERR_FSYNC : SQLITE_FULL; }

int broken(TestVfs::Call call) {
  switch (call) {
    case TestVfs::Call::create:
      return SQLITE_CANTOPEN;
    case TestVfs::Call::write:
      return SQLITE_IOERR_WRITE;
    case TestVfs::Call::sync:
      return SQLITE_IOERR_FSYNC;
    case TestVfs::Call::truncate:
      return SQLITE_IOERR_TRUNCATE;
    case TestVfs::Call::shm:
      return SQLITE_IOERR_SHMSIZE;
    case TestVfs::Call::erase:
      return SQLITE_IOERR_DELETE;
  }
  return SQLITE_IOERR;
}

// One history with its n-th call failing.
class History {
 public:
  History(const Fault& fault, int n)
      : fault_(fault), n_(n), vfs_([this](TestVfs::Call call) { return before(call); }) {}

  void run() {
    Opened found;
    auto database = Database::open({dir_.file("v"), kBoot, 77, vfs_.name(), 4, 0}, found);
    REQUIRE(database);
    for (uint64_t i = 1; i <= kBatches; ++i) put(**database, i);
    RunRecord record = (*database)->first_record();
    record.rev = record.stored_rev = 2 * committed_;
    record.version = 1;
    bool finished = (*database)->finish(record, false).has_value() && !(*database)->failed();
    CHECK((finished || has_failed_));
    database->reset();
    check_what_is_left(finished);
  }

  bool has_failed() const { return has_failed_; }
  bool shm_was_used() const { return shm_was_used_; }

 private:
  int before(TestVfs::Call call) {
    shm_was_used_ = shm_was_used_ || call == TestVfs::Call::shm;
    ++calls_;
    if (calls_ < n_ || (calls_ > n_ && !fault_.for_good)) return SQLITE_OK;
    has_failed_ = true;
    return fault_.code(call);
  }

  void put(Database& database, uint64_t i) {
    int calls = calls_;
    bool had_failed = database.failed().has_value();
    auto done = database.apply(one(batch(i,
                                         {row("k" + std::to_string(i), 1, 2 * i - 1, std::string(6'000, 'v')),
                                          row("over and over", i, 2 * i, std::string(20'000, 'w'))},
                                         i % 2 == 0)));
    if (had_failed) {
      REQUIRE_FALSE(done);
      CHECK(done.error().what == database.failed()->what);
      CHECK(calls_ == calls);  // nothing is tried again
      CHECK(database.tidy());
      return;
    }
    if (done) {
      CHECK(committed_ == i - 1);
      committed_ = i;
      if (auto tidied = database.tidy(); !tidied) CHECK(database.failed().has_value());
    } else {
      CHECK(has_failed_);
      CHECK(database.failed().has_value());
      CHECK(done.error().what.find(dir_.file("v")) != std::string::npos);
    }
  }

  void check_what_is_left(bool finished) {
    OpenDatabase next(dir_.file("v"), kBoot, 78);
    INFO(next.found.damage);
    CHECK(next.found.set_aside.empty());
    uint64_t found = next.found.rows.empty() ? 0 : next.found.rows.size() - 1;
    CHECK(found >= committed_);
    // What failed may be on the disk all the same.
    CHECK(found <= committed_ + 1);
    for (const Row& row : next.found.rows) CHECK(row.value.size() == (row.key[0] == 'k' ? 6'000 : 20'000));
    CHECK(next.found.start.is_new_epoch != finished);
    CHECK(next.found.start.rev >= 2 * found);
  }

  const Fault& fault_;
  int n_;
  TempDir dir_;
  TestVfs vfs_;
  int calls_ = 0;
  bool has_failed_ = false;
  bool shm_was_used_ = false;
  uint64_t committed_ = 0;
};

}  // namespace

TEST_CASE("Whatever call fails, what was committed is there, and nothing is tried again", "[long]") {
  for (const Fault& fault : {Fault{"full", true, full}, Fault{"full once", false, full},
                             Fault{"broken", true, broken}, Fault{"broken once", false, broken}}) {
    int n = 1;
    for (;; ++n) {
      INFO(fault.what << ", call " << n);
      History history(fault, n);
      history.run();
      CHECK_FALSE(history.shm_was_used());
      if (!history.has_failed()) break;
      REQUIRE(n < 1000);
    }
    CHECK(n > 40);
  }
}

TEST_CASE("A database that cannot be written at the start is read all the same, under a new epoch") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
    database.give(1, 1);
  }
  {
    TestVfs vfs(full);
    OpenDatabase second(dir.file("v"), kNextBoot, 78, vfs.name());
    CHECK(second->failed().has_value());
    CHECK(second->page() == nullptr);
    CHECK(second.found.rows.size() == 1);
    CHECK(second.found.start.meta.epoch == 78);
    CHECK_FALSE(second->apply(one(batch(1, {row("b", 1, 2)}))));
  }
  OpenDatabase third(dir.file("v"), kNextBoot, 79);
  CHECK_FALSE(third->failed().has_value());
  CHECK(third.found.start.meta.epoch == 79);
  CHECK(third.found.rows.size() == 1);
}

TEST_CASE(
    "Whatever cannot be read for once, or any more, is no damage: nothing is set aside, and all is there "
    "later") {
  TempDir dir;
  // With a log.
  {
    OpenDatabase database(dir.file("v"));
    for (uint64_t i = 1; i <= 5; ++i)
      REQUIRE(database->apply(one(batch(i, {row("k" + std::to_string(i), 1, i, std::string(10'000, 'v'))}))));
    database.give(5, 1);
  }
  for (bool for_good : {false, true}) {
    int n = 1;
    for (bool has_failed = true; has_failed; ++n) {
      INFO("read " << n << (for_good ? " and all after it" : ""));
      has_failed = false;
      int reads = 0;
      TestVfs vfs;
      vfs.before_reads([&] {
        ++reads;
        if (reads < n || (reads > n && !for_good)) return SQLITE_OK;
        has_failed = true;
        // SQLite's of EIO, which it takes for damage later (os_unix.c: unixRead, vdbe.c: abort_due_to_error).
        return SQLITE_IOERR_CORRUPTFS;
      });
      Opened found;
      auto opened = Database::open({dir.file("v"), kBoot, 78, vfs.name()}, found);
      CHECK(found.set_aside.empty());
      CHECK_FALSE(exists(dir.file("v.corrupt-1")));
      if (opened && !(*opened)->failed()) CHECK(found.start.ending == Ending::in_order);
      if (opened) CHECK(found.rows.size() == 5);
      if (!opened) CHECK(has_failed);
    }
    CHECK(n > 5);
  }
  OpenDatabase database(dir.file("v"), kBoot, 79);
  CHECK(database.found.rows.size() == 5);
}

TEST_CASE("An end is not clean when what was committed cannot be synced") {
  TempDir dir;
  bool fails = false;
  {
    TestVfs vfs([&](TestVfs::Call call) {
      return fails && call == TestVfs::Call::sync ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    });
    OpenDatabase database(dir.file("v"), kBoot, 77, vfs.name());
    // With its rev, so that the end has nothing to commit.
    Batch last = batch(1, {row("a", 1, 1)});
    last.meta = database.found.start.meta;
    last.meta->rev = 1;
    REQUIRE(database->apply(one(last)));
    database.give(1, 1);
    fails = true;
    CHECK_FALSE(database->finish(database.record(1, 1), false));
    CHECK(database->failed().has_value());
  }
  auto page = RunPage::lock(dir.file("v-run"));
  REQUIRE(page);
  CHECK_FALSE(page->read()->clean);
}
