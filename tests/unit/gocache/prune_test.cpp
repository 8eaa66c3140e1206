#include "consumer/gocache/prune.h"

#include <cstdarg>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/gocache/cache.h"
#include "consumer/gocache/evicted.h"
#include "consumer/gocache/lease.h"
#include "tests/integration/forked.h"
#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;
using test::Forked;

namespace {

// What a test does between a look at an output and the last one, which is under its lock.
std::function<void()> before_locking;

}  // namespace

extern "C" int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void* argument = va_arg(list, void*);
  va_end(list);
  if (command == F_OFD_SETLK) {
    if (auto act = std::exchange(before_locking, {})) act();
  }
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}

namespace {

constexpr Limits kAll{0, INT64_MAX, 0};

struct Pruning : Rig {
  int64_t now = wall_ns();

  static Id action(uint8_t n) { return an_id(n, 0xa0); }
  static Id output(uint8_t n) { return an_id(n, 0xd0); }
  // Takes two blocks.
  void add_pair(uint8_t n, int64_t used_ns) const {
    add(action(n), output(n), "output " + std::to_string(n), used_ns);
  }
  bool has_pair(uint8_t n) const { return has(action(n), Kind::action) && has(output(n), Kind::output); }
  bool has_none(uint8_t n) const { return !has(action(n), Kind::action) && !has(output(n), Kind::output); }

  Upkeep upkeep() {
    auto out = Upkeep::begin(place, std::chrono::milliseconds(0));
    if (!out) FAIL(out.error().what);
    return std::move(*out);
  }
  Upkeep::Pruned prune(const Limits& limits = kAll) { return upkeep().prune(limits, now); }

  // How many bytes one pair takes here: file systems differ.
  uint64_t pair_bytes() {
    add_pair(255, now - kHourNs);
    uint64_t out = prune({UINT64_MAX, INT64_MAX, 0}).left_bytes;
    std::filesystem::remove(path_of(action(255), Kind::action));
    std::filesystem::remove(path_of(output(255), Kind::output));
    return out;
  }
};

}  // namespace

TEST_CASE("Within the limits nothing is pruned, and the size is known") {
  Pruning cache;
  for (uint8_t n = 1; n <= 10; ++n) cache.add_pair(n, cache.now - n * kHourNs);
  Upkeep::Pruned pruned = cache.prune({UINT64_MAX, 11 * kHourNs, 0});
  CHECK(pruned.files == 0);
  CHECK(pruned.left_files == 20);
  CHECK_FALSE((pruned.held_by_builds || pruned.held_by_paths));
  CHECK(Upkeep::size_of(cache.place).disk_bytes == pruned.left_bytes);
  CHECK(Upkeep::size_of(cache.place).counted_ns == cache.now);
}

TEST_CASE("What was not used for longer than the age goes") {
  Pruning cache;
  for (uint8_t n = 1; n <= 10; ++n) cache.add_pair(n, cache.now - n * kHourNs);
  Upkeep::Pruned pruned = cache.prune({UINT64_MAX, 5 * kHourNs, 0});
  CHECK(pruned.files == 10);
  CHECK(pruned.entries == 5);
  CHECK(pruned.left_files == 10);
  for (uint8_t n = 1; n <= 5; ++n) CHECK(cache.has_pair(n));
  for (uint8_t n = 6; n <= 10; ++n) CHECK(cache.has_none(n));
  CHECK(names_in(cache.own("tmp")).empty());
}

TEST_CASE("Above the size, the oldest go until a tenth of it is free") {
  Pruning cache;
  uint64_t pair = cache.pair_bytes();
  if (pair == 0) {
    WARN("skipped: small files take nothing of this file system");
    return;
  }
  for (uint8_t n = 1; n <= 100; ++n) cache.add_pair(n, cache.now - n * kHourNs);
  Upkeep::Pruned pruned = cache.prune({50 * pair, INT64_MAX, 0});
  CHECK(pruned.files == 110);
  CHECK(pruned.disk_bytes == 55 * pair);
  CHECK(pruned.left_bytes == 45 * pair);
  for (uint8_t n = 1; n <= 45; ++n) CHECK(cache.has_pair(n));
  for (uint8_t n = 46; n <= 100; ++n) CHECK(cache.has_none(n));
}

TEST_CASE("Where the disk has too little free, the oldest go") {
  Pruning cache;
  for (uint8_t n = 1; n <= 10; ++n) cache.add_pair(n, cache.now - n * kHourNs);
  CHECK(cache.prune({UINT64_MAX, INT64_MAX, UINT64_MAX}).files == 20);
  CHECK(disk_size_of(cache.place) > 0);
  CHECK(free_bytes_of(cache.place) <= disk_size_of(cache.place));
}

TEST_CASE("What was pruned is noted") {
  Pruning cache;
  cache.add_pair(1, cache.now - 3 * kHourNs);
  cache.add_pair(2, cache.now - kHourNs);
  cache.prune({UINT64_MAX, 2 * kHourNs, 0});
  Evicted evicted(&cache.place);
  CHECK(evicted.has(Pruning::action(1)));
  CHECK_FALSE(evicted.has(Pruning::action(2)));
}

TEST_CASE("An output that a younger action leads to stays with it") {
  Pruning cache;
  cache.add_pair(1, cache.now - kHourNs);
  cache.add(an_id(9), Pruning::output(1), "output 1", cache.now - 3 * kHourNs);
  set_time(cache.path_of(Pruning::output(1), Kind::output), cache.now - kHourNs);
  CHECK(cache.prune({UINT64_MAX, 2 * kHourNs, 0}).files == 1);
  CHECK(cache.has_pair(1));
}

TEST_CASE("What a living run was given stays, and what it was not given goes") {
  Pruning cache;
  int64_t began = cache.now - 5 * kHourNs;
  Forked run([&](const Forked::Tell& tell) {
    auto place = Place::open(cache.directory, false);
    auto lease = Lease::take(*place, began);
    tell(lease ? "ready" : "no lease");
    test::wait_for_the_end();
  });
  REQUIRE(run.read_line() == "ready");
  // A build that runs longer than the age limit, and is stopped.
  run.pause();
  cache.add_pair(1, began);
  cache.add_pair(2, began + kHourNs);
  cache.add_pair(3, began - kHourNs);
  Upkeep::Pruned pruned = cache.prune({0, kHourNs, 0});
  CHECK(pruned.files == 2);
  CHECK((pruned.held_by_builds || pruned.held_by_paths));
  CHECK(cache.has_pair(1));
  CHECK(cache.has_pair(2));
  CHECK(cache.has_none(3));
  run.kill();
  pruned = cache.prune({0, kHourNs, 0});
  CHECK(pruned.files == 4);
  CHECK_FALSE((pruned.held_by_builds || pruned.held_by_paths));
}

TEST_CASE("While a run lives that renews no time stamps, nothing is pruned") {
  Pruning cache;
  cache.add_pair(1, cache.now - 300 * kDayNs);
  {
    auto lease = Lease::take(cache.place, 0);
    REQUIRE(lease);
    CHECK(cache.prune().files == 0);
  }
  CHECK(cache.prune().files == 2);
}

TEST_CASE("While a run lives that began before the clock was put back, nothing is pruned") {
  Pruning cache;
  auto lease = Lease::take(cache.place, cache.now);
  REQUIRE(lease);
  cache.add_pair(1, cache.now - 500 * kDayNs);
  cache.now -= 365 * kDayNs;
  Upkeep::Pruned pruned = cache.prune({0, kDayNs, 0});
  CHECK(pruned.files == 0);
  CHECK((pruned.held_by_builds || pruned.held_by_paths));
}

TEST_CASE("What has a time stamp of the future is not pruned") {
  Pruning cache;
  cache.add_pair(1, cache.now + 365 * kDayNs);
  cache.add_pair(2, cache.now - 3 * kDayNs);
  Upkeep::Pruned pruned = cache.prune({0, kDayNs, 0});
  CHECK(pruned.files == 2);
  CHECK(cache.has_pair(1));
  CHECK(cache.has_none(2));
}

TEST_CASE("What was used a moment ago is not pruned") {
  Pruning cache;
  cache.add_pair(1, cache.now - kClockMarginNs);
  cache.add_pair(2, cache.now - kClockMarginNs - 1);
  cache.prune();
  CHECK(cache.has_pair(1));
  CHECK(cache.has_none(2));
}

TEST_CASE("What has escaped stays for a day, and then goes") {
  Pruning cache;
  cache.add_pair(1, cache.now - 5 * kDayNs);
  cache.add_pair(2, cache.now - 5 * kDayNs);
  std::string left = cache.own("run/17-1");
  write_file(left, "d " + hex(Pruning::output(1)) + "\n");
  set_time(left, cache.now - kEscapedNs + kHourNs);
  Upkeep::Pruned pruned = cache.prune({0, kDayNs, 0});
  CHECK(pruned.files == 3);
  CHECK((pruned.held_by_builds || pruned.held_by_paths));
  CHECK(cache.has(Pruning::output(1), Kind::output));
  CHECK_FALSE(cache.has(Pruning::action(1), Kind::action));
  CHECK(cache.has_none(2));
  set_time(left, cache.now - kEscapedNs);
  CHECK(cache.prune({0, kDayNs, 0}).files == 1);
  CHECK_FALSE(exists(left));
}

TEST_CASE("An output that a run renews between the look at it and its removal stays") {
  Pruning cache;
  cache.add_output(Pruning::output(1), "bytes", cache.now - kDayNs);
  std::string path = cache.path_of(Pruning::output(1), Kind::output);
  before_locking = [&] { set_time(path, cache.now); };
  CHECK(cache.prune().files == 0);
  CHECK_FALSE(before_locking);
  CHECK(contents(path) == "bytes");
  CHECK(names_in(cache.own("tmp")).empty());
}

TEST_CASE("An output that is removed between the look at it and its removal is not counted") {
  Pruning cache;
  cache.add_output(Pruning::output(1), "bytes", cache.now - kDayNs);
  before_locking = [&] { std::filesystem::remove(cache.path_of(Pruning::output(1), Kind::output)); };
  CHECK(cache.prune().files == 0);
}

TEST_CASE(
    "An output that a run is just renewing stays, and one that is just being removed is a miss; neither "
    "waits") {
  Pruning cache;
  cache.add_pair(1, cache.now - kDayNs);
  // Of another process: the locks are those of its descriptor.
  auto other = Place::open(cache.directory, false);
  REQUIRE(other);
  {
    OutputLock renews(*other, Pruning::output(1), false);
    CHECK(renews.is_free());
    CHECK(cache.prune().files == 1);
    CHECK(cache.has(Pruning::output(1), Kind::output));
  }
  cache.add_pair(1, cache.now - kDayNs);
  {
    OutputLock removes(*other, Pruning::output(1), true);
    CHECK(removes.is_free());
    CHECK_FALSE(Cache(cache.place, cache.now).get(Pruning::action(1)));
    CHECK(cache.has_pair(1));
  }
  CHECK(Cache(cache.place, cache.now).get(Pruning::action(1)));
}

TEST_CASE("Files that are not the cache's, directories and symlinks stay") {
  Pruning cache;
  cache.add_pair(1, cache.now - kDayNs);
  std::string directory = cache.directory + "/01/";
  write_file(directory + "README", "");
  write_file(directory + hex(Pruning::output(2)) + "-d/program", "");
  std::filesystem::create_symlink("/nonexistent", directory + hex(Pruning::output(3)) + "-d");
  write_file(cache.directory + "/trim.txt", "");
  CHECK(cache.prune().files == 2);
  CHECK(names_in(directory).size() == 3);
  CHECK(exists(cache.directory + "/trim.txt"));
}

TEST_CASE("One prunes at a time, and the lock of a killed one is free") {
  Pruning cache;
  Forked other([&](const Forked::Tell& tell) {
    auto place = Place::open(cache.directory, false);
    auto upkeep = Upkeep::begin(*place, std::chrono::milliseconds(0));
    tell(upkeep ? "begun" : "busy");
    test::wait_for_the_end();
  });
  REQUIRE(other.read_line() == "begun");
  auto ours = Upkeep::begin(cache.place, std::chrono::milliseconds(0));
  REQUIRE_FALSE(ours);
  CHECK(ours.error().code == Errc::busy);
  other.kill();
  CHECK(Upkeep::begin(cache.place, std::chrono::milliseconds(0)));
  CHECK(Upkeep::begin(cache.place, std::chrono::milliseconds(100)));
}

TEST_CASE("A look at all files is due once a day, above a limit, and when the clock was put back") {
  Pruning cache;
  Limits limits{1000, kDayNs, 0};
  Upkeep upkeep = cache.upkeep();
  CHECK(upkeep.is_due(limits, cache.now));
  upkeep.prune(limits, cache.now);
  CHECK_FALSE(upkeep.is_due(limits, cache.now));
  CHECK_FALSE(upkeep.is_due(limits, cache.now + kDayNs));
  CHECK(upkeep.is_due(limits, cache.now + kDayNs + 1));
  CHECK(upkeep.is_due(limits, cache.now - 1));
  CHECK(upkeep.is_due({1000, kDayNs, UINT64_MAX}, cache.now));
  upkeep.add(1000);
  CHECK_FALSE(upkeep.is_due(limits, cache.now));
  upkeep.add(1);
  CHECK(upkeep.size().disk_bytes == 1001);
  CHECK(upkeep.is_due(limits, cache.now));
}

TEST_CASE("A size that cannot be read is none") {
  Pruning cache;
  for (const char* text : {"", "x", "12", "-"}) {
    write_file(cache.own("size"), text);
    CHECK(Upkeep::size_of(cache.place).counted_ns == 0);
    CHECK(Upkeep::size_of(cache.place).disk_bytes == 0);
  }
}

TEST_CASE("Clearing removes the files of the cache, and nothing else") {
  Pruning cache;
  for (uint8_t n = 1; n <= 10; ++n) cache.add_pair(n, cache.now);
  write_file(cache.directory + "/README", "");
  Upkeep::Pruned cleared = cache.upkeep().clear(cache.now + kSecondNs);
  CHECK(cleared.files == 20);
  for (uint8_t n = 1; n <= 10; ++n) CHECK(cache.has_none(n));
  CHECK(exists(cache.directory + "/README"));
  CHECK(Upkeep::size_of(cache.place).disk_bytes == 0);
}
