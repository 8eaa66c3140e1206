// A loss of power, by a view of the disk that forgets what was not synced.
#include <cstdio>
#include <cstdlib>

#include "tests/unit/hub_store/support.h"
#include "tests/unit/hub_store/system_calls.h"
#include "tests/unit/hub_store/test_vfs.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uint64_t kBatches = 60;
constexpr size_t kKeys = 7;

// Batch i puts i into one of a few keys, and into `last`.
Batch numbered(uint64_t i, bool sync) {
  std::string text = std::to_string(i) + std::string(i % 5 == 0 ? 9'000 : 10, ' ');
  return batch(i, {row("k" + std::to_string(i % kKeys), i, 2 * i - 1, text), row("last", i, 2 * i, text)},
               sync);
}

// How many batches the rows are those of, when they are exactly those of the first ones; fails otherwise.
uint64_t prefix_of(const std::vector<Row>& rows) {
  std::map<std::string, uint64_t> found;
  for (const Row& row : rows) {
    REQUIRE(row.value);
    found[row.key] = std::strtoull(std::string(*row.value).c_str(), nullptr, 10);
  }
  uint64_t last = found.count("last") != 0 ? found["last"] : 0;
  std::map<std::string, uint64_t> expected;
  for (uint64_t i = 1; i <= last; ++i) expected["k" + std::to_string(i % kKeys)] = expected["last"] = i;
  CHECK(found == expected);
  return last;
}

// What the disk holds of the page of `path` for certain: what it held at its last fsync. The kernel may have written newer ones.
class PageDisk {
 public:
  explicit PageDisk(const std::string& path)
      : calls_([this, page = path + "-run"](SystemCall call, const std::string& of) {
          if (call == SystemCall::fsync && of == page) synced_ = contents(page);
          return 0;
        }) {}

  const std::string& synced() const { return synced_; }

 private:
  std::string synced_;
  SystemCalls calls_;
};

}  // namespace

TEST_CASE("A loss of power takes no batch that was synced, and of the others only the last ones") {
  const char* given = std::getenv("BUSD_SEED");
  uint64_t first_seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  bool some_were_lost = false;
  for (uint64_t seed = first_seed; seed < first_seed + (given != nullptr ? 1 : 40); ++seed) {
    INFO("BUSD_SEED=" << seed);
    std::mt19937_64 chance(seed);
    TempDir dir;
    TempDir after;
    uint64_t synced = 0;
    uint64_t applied = 0;
    Meta numbers;
    {
      TestVfs vfs;
      PageDisk page(dir.file("v"));
      OpenDatabase database(dir.file("v"), kBoot, 77, vfs.name(), 8, 20'000);
      numbers = database.found.start.meta;
      uint64_t end = 1 + chance() % kBatches;
      for (uint64_t i = 1; i <= end; ++i) {
        bool sync = chance() % 8 == 0;
        REQUIRE(database->apply(one(numbered(i, sync))));
        if (sync) synced = i;
        applied = i;
        // A cut between commit and check-point, too.
        if (i < end || chance() % 2 == 0) REQUIRE(database->tidy());
      }
      database.give(2 * applied, applied);
      for (const char* ending : {"", "-wal"}) {
        if (vfs.has(dir.file("v") + ending))
          write_file(after.file("v") + ending, vfs.after_power_cut(dir.file("v") + ending, chance));
      }
      // The page as it was synced, or as it is; or the file that was made is not there.
      if (uint64_t kept = chance() % 3; kept != 0)
        write_file(after.file("v-run"), kept == 1 ? page.synced() : contents(dir.file("v-run")));
    }
    OpenDatabase database(after.file("v"), kNextBoot, 78);
    INFO(database.found.damage);
    CHECK(database.found.set_aside.empty());
    uint64_t kept = prefix_of(database.found.rows);
    CHECK(kept >= synced);
    CHECK(kept <= applied);
    some_were_lost = some_were_lost || kept < applied;
    CHECK(database.found.start.is_new_epoch);
    // No number that was given, or could have been, is given again, nor does an old version fit.
    CHECK(database.found.start.rev >= numbers.rev_ceiling);
    for (const Row& row : database.found.rows) {
      CHECK(row.rev > numbers.rev_ceiling);
      CHECK(row.version > numbers.version_ceiling);
    }
  }
  CHECK((some_were_lost || given != nullptr));
}

TEST_CASE(
    "A loss of power after a clean end takes nothing, and after the next beginning the end is not believed "
    "again") {
  TempDir dir;
  TempDir after;
  std::mt19937_64 chance(1);
  {
    TestVfs vfs;
    PageDisk page(dir.file("v"));
    OpenDatabase database(dir.file("v"), kBoot, 77, vfs.name());
    REQUIRE(database->apply(one(numbered(1, false))));
    database.give(2, 1);
    REQUIRE(database->finish(database.record(2, 1), false));
    write_file(after.file("v"), vfs.after_power_cut(dir.file("v"), chance));
    write_file(after.file("v-run"), page.synced());
  }
  std::string begun;
  {
    PageDisk page(after.file("v"));
    OpenDatabase database(after.file("v"), kNextBoot, 78);
    CHECK_FALSE(database.found.start.is_new_epoch);
    CHECK(prefix_of(database.found.rows) == 1);
    begun = page.synced();
  }
  write_file(after.file("v-run"), begun);
  CHECK(OpenDatabase(after.file("v"), kBoot, 79).found.start.is_new_epoch);
}

TEST_CASE("A ceiling that is raised is synced, whether or not its batch asks for that") {
  TempDir dir;
  int syncs = 0;
  TestVfs vfs([&](TestVfs::Call call) {
    if (call == TestVfs::Call::sync) ++syncs;
    return SQLITE_OK;
  });
  OpenDatabase database(dir.file("v"), kBoot, 77, vfs.name());
  REQUIRE(database->apply(one(numbered(1, false))));
  Batch next = numbered(2, false);
  next.meta = database.found.start.meta;
  syncs = 0;
  REQUIRE(database->apply(one(next)));
  CHECK(syncs == 0);
  next.meta->version_ceiling += kCeilingBlock;
  REQUIRE(database->apply(one(next)));
  CHECK(syncs == 1);
}

TEST_CASE("What a start decides is synced before anything is given") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(numbered(1, true))));
  }
  int syncs = 0;
  TestVfs vfs([&](TestVfs::Call call) {
    if (call == TestVfs::Call::sync) ++syncs;
    return SQLITE_OK;
  });
  OpenDatabase database(dir.file("v"), kNextBoot, 78, vfs.name());
  CHECK(database.found.start.is_new_epoch);
  CHECK(syncs == 1);
}
