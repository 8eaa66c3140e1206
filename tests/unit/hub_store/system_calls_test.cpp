// What the store does beside SQLite, by its system calls: what is synced and when, and each call that fails.
#include "tests/unit/hub_store/system_calls.h"

#include <cerrno>

#include "tests/unit/hub_store/support.h"
#include "tests/unit/hub_store/test_vfs.h"

using namespace bus;
using namespace bus::test;

namespace {

// "fsync v-run" and the like, with paths beginning at `directory`.
class Events {
 public:
  explicit Events(std::string directory) : directory_(std::move(directory)) {}

  int operator()(SystemCall call, const std::string& path) {
    std::string name = path.rfind(directory_, 0) == 0 ? path.substr(directory_.size()) : path;
    if (call == SystemCall::fsync) all.push_back("fsync " + name);
    if (call == SystemCall::rename) all.push_back("rename to " + name);
    return 0;
  }

  Texts all;

 private:
  std::string directory_;
};

void make_database(const std::string& path, uint64_t rows = 1) {
  OpenDatabase database(path);
  for (uint64_t i = 1; i <= rows; ++i)
    REQUIRE(database->apply(one(batch(i, {row("k" + std::to_string(i), i, i)}, true))));
  database.give(rows, rows);
}

struct Failure {
  int error;
  bool for_good;  // every call from the n-th on fails, not only that one
};

// Fails the n-th call of all, and of those behind it those that the failure is for.
class NthFails {
 public:
  NthFails(Failure failure, int n) : failure_(failure), n_(n) {}

  int operator()(SystemCall call, const std::string& path) {
    ++calls_;
    if (calls_ < n_ || (calls_ > n_ && !failure_.for_good)) return 0;
    if (!has_failed) what = std::to_string(static_cast<int>(call)) + " " + path;
    has_failed = true;
    return failure_.error;
  }

  bool has_failed = false;
  std::string what;  // the first

 private:
  Failure failure_;
  int n_;
  int calls_ = 0;
};

constexpr Failure kFailures[] = {{ENOSPC, true}, {ENOSPC, false}, {EIO, true},    {EIO, false},
                                 {EROFS, true},  {EACCES, true},  {EMFILE, true}, {ENOMEM, false}};

}  // namespace

TEST_CASE(
    "A database that is made is whole and its page is synced before it is renamed, and the rename is "
    "synced") {
  TempDir dir;
  REQUIRE(::mkdir(dir.file("in").c_str(), 0700) == 0);
  OpenDatabase database(dir.file("in/v"));
  Events events(dir.path());
  {
    SystemCalls calls(std::ref(events));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  }
  CHECK(events.all == Texts{"fsync /in/v-run", "rename to /in/v", "fsync /in", "fsync "});
}

TEST_CASE("The page of a run is synced before the run, and at its end when all else is on the disk") {
  TempDir dir;
  make_database(dir.file("v"));
  Events events(dir.path());
  int vfs_syncs = 0;
  TestVfs vfs([&](TestVfs::Call call) {
    if (call == TestVfs::Call::sync) events.all.push_back("database " + std::to_string(++vfs_syncs));
    return SQLITE_OK;
  });
  SystemCalls calls(std::ref(events));
  OpenDatabase database(dir.file("v"), kBoot, 78, vfs.name());
  CHECK(events.all == Texts{"fsync /v-run"});
  events.all.clear();
  REQUIRE(database->apply(one(batch(1, {row("b", 2, 2)}))));
  CHECK(events.all.empty());
  REQUIRE(database->finish(database.record(2, 2), false));
  REQUIRE_FALSE(events.all.empty());
  CHECK(vfs_syncs > 0);
  CHECK(events.all.back() == "fsync /v-run");
}

TEST_CASE("A run that could not write its page has a new epoch, though nothing was lost before it") {
  TempDir dir;
  make_database(dir.file("v"));
  {
    SystemCalls calls(
        [](SystemCall call, const std::string&) { return call == SystemCall::fsync ? EIO : 0; });
    OpenDatabase database(dir.file("v"), kBoot, 78);
    CHECK(database->failed().has_value());
    CHECK(database->page() == nullptr);
    CHECK(database.found.start.is_new_epoch);
    CHECK(database.found.start.meta.epoch == 78);
    CHECK(database->first_record().epoch == 78);
    CHECK(texts(database.found.rows) == Texts{"k1=1@1/1"});
  }
  // Its numbers are in no page: the next one must not go on with the old epoch's as if nothing had been given.
  CHECK(OpenDatabase(dir.file("v"), kBoot, 79).found.start.meta.epoch != 78);
}

TEST_CASE("A SIGKILL while a new epoch is begun is an ordinary end: nothing has replaced a file") {
  TempDir dir;
  TempDir killed;
  make_database(dir.file("v"));
  auto copy = [&] {
    for (const char* ending : {"", "-wal", "-run"})
      write_file(killed.file("v") + ending, contents(dir.file("v") + ending));
  };
  {
    // The commit is in the log, and is being synced.
    TestVfs vfs([&](TestVfs::Call call) {
      if (call == TestVfs::Call::sync) copy();
      return SQLITE_OK;
    });
    OpenDatabase database(dir.file("v"), kNextBoot, 78, vfs.name());
    CHECK(database.found.start.ending == Ending::power);
  }
  OpenDatabase next(killed.file("v"), kNextBoot, 79);
  CHECK(next.found.start.ending == Ending::interrupted);
  CHECK(describe(next.found.start.ending, "v").empty());
  CHECK(next.found.rows.size() == 1);
}

TEST_CASE("What appears under the name for a damaged database is not replaced by it") {
  for (const char* ending : {"", "-run"}) {
    INFO(ending);
    TempDir dir;
    make_database(dir.file("v"));
    write_file(dir.file("v"), "no database");
    std::string aside = dir.file("v.corrupt-1") + ending;
    std::string what;
    {
      SystemCalls calls([&](SystemCall call, const std::string& path) {
        if (call == SystemCall::rename && path == aside) write_file(aside, "somebody else's");
        return 0;
      });
      CHECK(error_of_open(dir.file("v"), &what) == Errc::io);
    }
    CHECK(what.find("rename") != std::string::npos);
    CHECK(contents(aside) == "somebody else's");
  }
}

TEST_CASE("A page has its place on the disk before anything is written to it") {
  TempDir dir;
  auto page = RunPage::lock(dir.file("v-run"));
  REQUIRE(page);
  struct stat st {};
  REQUIRE(::stat(dir.file("v-run").c_str(), &st) == 0);
  CHECK(st.st_size == 4096);
  CHECK(st.st_blocks * 512 >= 4096);
}

TEST_CASE(
    "Where nothing can be written, what is stored can be read, all is left untouched, and the epoch is new") {
  for (int error : {EROFS, EACCES}) {
    for (const char* what_is_closed : {"", "/v", "/v-run"}) {
      INFO("errno " << error << " of " << what_is_closed);
      TempDir dir;
      make_database(dir.file("v"), 3);
      {
        OpenDatabase database(dir.file("v"), kBoot, 77);
        REQUIRE(database->finish(database.record(5, 4), false));
      }
      std::string before = contents(dir.file("v"));
      std::string page = contents(dir.file("v-run"));
      SystemCalls calls([&](SystemCall call, const std::string& path) {
        return call == SystemCall::faccessat && path == dir.path() + what_is_closed ? error : 0;
      });
      {
        OpenDatabase database(dir.file("v"), kBoot, 78);
        CHECK(texts(database.found.rows) == Texts{"k1=1@1/1", "k2=1@2/2", "k3=1@3/3"});
        CHECK(database.found.start.rev == 5);
        CHECK(database.found.start.version == 4);
        CHECK(database.found.start.meta.epoch == 78);
        CHECK(database.found.start.is_new_epoch);
        CHECK(database->page() == nullptr);
        REQUIRE(database->failed().has_value());
        CHECK(database->failed()->code == Errc::denied);
        CHECK(database->failed()->what.find("can be read") != std::string::npos);
        CHECK(database->failed()->what.find(dir.path() + what_is_closed + "\"") != std::string::npos);
        CHECK_FALSE(database->apply(one(batch(1, {row("b", 1, 6)}))));
        CHECK(database->tidy());
        // Somebody else may be able to write there.
        std::string busy;
        CHECK(error_of_open(dir.file("v"), &busy) == Errc::busy);
      }
      CHECK(contents(dir.file("v")) == before);
      CHECK(contents(dir.file("v-run")) == page);
      CHECK_FALSE(exists(dir.file("v-wal")));
    }
  }
}

TEST_CASE(
    "Where nothing can be written, a log cannot be read, which is said; and nothing damaged is set aside") {
  TempDir dir;
  make_database(dir.file("v"));
  std::string log = contents(dir.file("v-wal"));
  SystemCalls calls(
      [&](SystemCall call, const std::string&) { return call == SystemCall::faccessat ? EROFS : 0; });
  std::string what;
  CHECK(error_of_open(dir.file("v"), &what) == Errc::denied);
  CHECK(what.find("v-wal\" has changes that cannot be read") != std::string::npos);
  CHECK(contents(dir.file("v-wal")) == log);
  write_file(dir.file("v-wal"), "");
  std::string text = contents(dir.file("v"));
  text.replace(4096, 4096, std::string(4096, 'x'));
  write_file(dir.file("v"), text);
  CHECK(error_of_open(dir.file("v"), &what) == Errc::protocol);
  CHECK(what.find("nor set aside") != std::string::npos);
  CHECK(contents(dir.file("v")) == text);
  CHECK_FALSE(exists(dir.file("v.corrupt-1")));
  REQUIRE(::unlink(dir.file("v").c_str()) == 0);
  CHECK(error_of_open(dir.file("v"), &what) == Errc::denied);
  CHECK(what.find("create files in") != std::string::npos);
}

TEST_CASE("A path with characters that a URI gives a meaning is read where nothing can be written, too") {
  TempDir dir;
  REQUIRE(::mkdir(dir.file("100%23?#a").c_str(), 0700) == 0);
  std::string path = dir.file("100%23?#a/v?x=1");
  make_database(path);
  {
    OpenDatabase database(path);
    REQUIRE(database->finish(database.record(1, 1), false));
  }
  SystemCalls calls(
      [&](SystemCall call, const std::string&) { return call == SystemCall::faccessat ? EROFS : 0; });
  CHECK(OpenDatabase(path).found.rows.size() == 1);
}

TEST_CASE(
    "Whatever call fails while a database is made, the store says so for good, and the next hub begins "
    "anew",
    "[long]") {
  for (const Failure& failure : kFailures) {
    int n = 1;
    for (;; ++n) {
      TempDir dir;
      NthFails fails(failure, n);
      bool applied = false;
      uint64_t epoch = 0;
      {
        OpenDatabase database(dir.file("state/v"));
        epoch = database.found.start.meta.epoch;
        SystemCalls calls(std::ref(fails));
        auto done = database->apply(one(batch(1, {row("a", 1, 1)}, true)));
        applied = done.has_value();
        INFO("errno " << failure.error << ", call " << n << ": " << fails.what);
        if (!applied) {
          CHECK(fails.has_failed);
          REQUIRE(database->failed().has_value());
          CHECK(database->failed()->what.find(dir.path()) != std::string::npos);
          auto again = database->apply(one(batch(2, {row("b", 1, 2)})));
          REQUIRE_FALSE(again);
          CHECK(again.error().what == database->failed()->what);
        }
      }
      INFO("errno " << failure.error << ", call " << n << ": " << fails.what);
      OpenDatabase next(dir.file("state/v"), kBoot, 78);
      CHECK(next.found.set_aside.empty());
      CHECK_FALSE(next->failed().has_value());
      // A look at the files that fails comes behind the commit.
      bool is_behind = fails.what.rfind(std::to_string(static_cast<int>(SystemCall::lstat)), 0) == 0;
      CHECK(next.found.rows.size() >= (applied ? 1 : 0));
      CHECK(next.found.rows.size() <= (applied || is_behind ? 1 : 0));
      // What the first hub gave without its page must not be taken for what the next one gives.
      if (!applied) CHECK(next.found.start.meta.epoch != epoch);
      REQUIRE(next->apply(one(batch(1, {row("b", 2, 2)}, true))));
      if (!fails.has_failed) break;
      REQUIRE(n < 1000);
    }
    CHECK(n > 15);
  }
}

TEST_CASE(
    "Whatever call fails while a database is opened, all of it is there at the next start, with no number "
    "given twice",
    "[long]") {
  constexpr uint64_t kRows = 5;
  for (const Failure& failure : kFailures) {
    int n = 1;
    for (;; ++n) {
      TempDir dir;
      make_database(dir.file("v"), kRows);
      NthFails fails(failure, n);
      uint64_t epoch = 77;
      uint64_t given = kRows;
      {
        Opened found;
        SystemCalls calls(std::ref(fails));
        auto opened = Database::open({dir.file("v"), kBoot, 78}, found);
        INFO("errno " << failure.error << ", call " << n << ": " << fails.what);
        CHECK(found.set_aside.empty());
        if (!opened) {
          CHECK(fails.has_failed);
          CHECK(opened.error().what.find(dir.path()) != std::string::npos);
        } else {
          CHECK(found.rows.size() == kRows);
          epoch = found.start.meta.epoch;
          given = found.start.rev;
          CHECK((epoch == 77) == !(*opened)->failed().has_value());
        }
      }
      INFO("errno " << failure.error << ", call " << n << ": " << fails.what);
      OpenDatabase next(dir.file("v"), kBoot, 79);
      CHECK(next.found.set_aside.empty());
      CHECK(next.found.rows.size() == kRows);
      CHECK(next.found.start.rev >= given);
      if (epoch == 78) CHECK(next.found.start.meta.epoch != 78);
      if (!fails.has_failed) break;
      REQUIRE(n < 1000);
    }
    CHECK(n > 10);
  }
}

TEST_CASE("Whatever call fails at a clean end, the end is clean or the next start does not believe it") {
  for (const Failure& failure : kFailures) {
    int n = 1;
    for (;; ++n) {
      TempDir dir;
      NthFails fails(failure, n);
      bool finished = false;
      {
        OpenDatabase database(dir.file("v"));
        REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
        database.give(1, 1);
        SystemCalls calls(std::ref(fails));
        finished = database->finish(database.record(1, 1), false).has_value();
        CHECK(finished != fails.has_failed);
      }
      OpenDatabase next(dir.file("v"), kNextBoot, 78);
      CHECK(next.found.rows.size() == 1);
      CHECK((next.found.start.is_new_epoch || finished));
      if (!fails.has_failed) break;
      REQUIRE(n < 1000);
    }
    CHECK(n > 1);
  }
}
