#include "consumer/gocache/cache.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;

namespace {

// What another process does when an output was looked at, and its time stamp is not renewed yet.
std::function<void()> before_renewing;

}  // namespace

extern "C" int utimensat(int at, const char* path, const timespec times[2], int flags) noexcept {
  if (auto act = std::exchange(before_renewing, {})) act();
  return static_cast<int>(::syscall(SYS_utimensat, at, path, times, flags));
}

namespace {

const Id kAction = an_id(0xa0, 1);
const Id kOutput = an_id(0xd0, 2);

struct Filled : Rig {
  int64_t began = wall_ns();
  Cache cache{place, began};
  std::string action = path_of(kAction, Kind::action);
  std::string output = path_of(kOutput, Kind::output);

  Filled() {
    add(kAction, kOutput, "bytes", began - kDayNs);
    for (const char* each : {"/a0", "/d0"}) REQUIRE(::chmod((directory + each).c_str(), 0700) == 0);
  }

  // A miss that removes the entry, and the output where it is no good.
  void check_healed() {
    CHECK_FALSE(cache.get(kAction));
    CHECK(cache.healed() == 1);
    CHECK_FALSE(exists(action));
    CHECK_FALSE(cache.get(kAction));
    CHECK(cache.healed() == 1);
  }
  bool is_whole() const { return Cache::is_whole(place, kAction); }
};

}  // namespace

TEST_CASE("What is there is found, with the path of its output") {
  Filled filled;
  auto found = filled.cache.get(kAction);
  REQUIRE(found);
  CHECK(found->path == filled.output);
  CHECK(found->entry == Entry{kAction, kOutput, 5, filled.began - kDayNs});
  CHECK(filled.is_whole());
  CHECK_FALSE(filled.cache.get(an_id(0xa0, 9)));
  CHECK_FALSE(filled.cache.get(an_id(0x77)));
  CHECK(filled.cache.healed() == 0);
}

TEST_CASE("What is put is found, and leaves no other file") {
  Filled filled;
  Entry entry{an_id(0xee), kOutput, 5, kSecondNs};
  REQUIRE(filled.cache.put(entry, "1-1"));
  CHECK(filled.cache.get(an_id(0xee))->entry == entry);
  entry.time_ns = 2 * kSecondNs;
  REQUIRE(filled.cache.put(entry, "1-1"));
  CHECK(filled.cache.get(an_id(0xee))->entry == entry);
  CHECK(names_in(filled.own("tmp")).empty());
}

TEST_CASE("What is handed out is as young as the run") {
  Filled filled;
  REQUIRE(filled.cache.get(kAction));
  CHECK(time_of(filled.output) >= filled.began - kClockMarginNs);
  CHECK(time_of(filled.action) >= time_of(filled.output));
}

TEST_CASE("What is young already is not touched") {
  Filled filled;
  set_time(filled.output, filled.began);
  set_time(filled.action, filled.began - 600 * kSecondNs);
  REQUIRE(filled.cache.get(kAction));
  CHECK(time_of(filled.output) == filled.began);
  CHECK(time_of(filled.action) == filled.began - 600 * kSecondNs);
  set_time(filled.action, filled.began - 601 * kSecondNs);
  REQUIRE(filled.cache.get(kAction));
  CHECK(time_of(filled.action) > filled.began - 600 * kSecondNs);
}

TEST_CASE("What is pruned between the look at it and its renewal is a miss") {
  Filled filled;
  SECTION("the output") {
    before_renewing = [&] { std::filesystem::remove(filled.output); };
  }
  SECTION("both") {
    before_renewing = [&] {
      std::filesystem::remove(filled.action);
      std::filesystem::remove(filled.output);
    };
  }
  CHECK_FALSE(filled.cache.get(kAction));
  CHECK_FALSE(before_renewing);
}

TEST_CASE("Time stamps of the future are set to now") {
  Filled filled;
  set_time(filled.output, filled.began + 365 * kDayNs);
  set_time(filled.action, filled.began + 365 * kDayNs);
  REQUIRE(filled.cache.get(kAction));
  CHECK(time_of(filled.output) < filled.began + kDayNs);
  CHECK(time_of(filled.action) < filled.began + kDayNs);
}

TEST_CASE("An output of another size is a miss, and goes with what leads to it") {
  for (const char* damaged : {"", "byte", "bytes "}) {
    Filled filled;
    write_file(filled.output, damaged);
    CHECK_FALSE(filled.is_whole());
    filled.check_healed();
    CHECK_FALSE(exists(filled.output));
  }
}

TEST_CASE("An output that is missing is a miss, and what leads to it goes") {
  Filled filled;
  std::filesystem::remove(filled.output);
  CHECK_FALSE(filled.is_whole());
  filled.check_healed();
}

TEST_CASE("An entry that is damaged, or of another action, is a miss and goes, and the output stays") {
  Filled filled;
  const std::string line = contents(filled.action);
  std::string other = line;
  other[3 + 2] ^= 1;
  for (const std::string& damaged :
       {std::string(), line.substr(1), line + "x", std::string(kEntryBytes, '\0'), other}) {
    Filled again;
    write_file(again.action, damaged);
    CHECK_FALSE(again.is_whole());
    again.check_healed();
    CHECK(exists(again.output));
  }
}

TEST_CASE("A symlink in the place of an output is a miss and goes, and what it leads to stays") {
  Filled filled;
  std::string precious = filled.temp.file("precious");
  write_file(precious, "bytes");
  std::filesystem::remove(filled.output);
  std::filesystem::create_symlink(precious, filled.output);
  filled.check_healed();
  CHECK_FALSE(exists(filled.output));
  CHECK(contents(precious) == "bytes");
}

TEST_CASE("A directory in the place of an output is a miss, and stays") {
  Filled filled;
  std::filesystem::remove(filled.output);
  write_file(filled.output + "/program", "executable");
  CHECK(filled.is_whole());
  CHECK_FALSE(filled.cache.get(kAction));
  CHECK(filled.cache.healed() == 0);
  CHECK(exists(filled.action));
  CHECK(exists(filled.output + "/program"));
}

TEST_CASE("A directory, a pipe or a symlink in the place of an entry is a miss") {
  Filled filled;
  std::filesystem::remove(filled.action);
  std::filesystem::create_directory(filled.action);
  CHECK_FALSE(filled.cache.get(kAction));
  std::filesystem::remove(filled.action);
  REQUIRE(::mkfifo(filled.action.c_str(), 0600) == 0);
  CHECK_FALSE(filled.cache.get(kAction));
  std::filesystem::remove(filled.action);
  write_file(filled.temp.file("entry"), line_of({kAction, kOutput, 5, 1}));
  std::filesystem::create_symlink(filled.temp.file("entry"), filled.action);
  CHECK_FALSE(filled.cache.get(kAction));
  CHECK_FALSE(filled.is_whole());
}

TEST_CASE("What others may have written is a miss") {
  Filled filled;
  SECTION("an output that others may write") {
    REQUIRE(::chmod(filled.output.c_str(), 0666) == 0);
    filled.check_healed();
  }
  SECTION("an entry that others may write") {
    REQUIRE(::chmod(filled.action.c_str(), 0666) == 0);
    CHECK_FALSE(filled.cache.get(kAction));
  }
  SECTION("an output of another user") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(filled.output.c_str(), 12345, 12345) == 0);
    filled.check_healed();
  }
  SECTION("an entry of another user") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(filled.action.c_str(), 12345, 12345) == 0);
    CHECK_FALSE(filled.cache.get(kAction));
  }
  SECTION("the directory of outputs") {
    REQUIRE(::chmod((filled.directory + "/d0").c_str(), 0777) == 0);
    CHECK_FALSE(filled.cache.get(kAction));
  }
  SECTION("the directory of entries") {
    REQUIRE(::chmod((filled.directory + "/a0").c_str(), 0777) == 0);
    CHECK_FALSE(filled.cache.get(kAction));
    CHECK_FALSE(filled.cache.put({kAction, kOutput, 5, 1}, "1-1"));
  }
}

TEST_CASE("A run that only reads changes nothing") {
  Filled filled;
  int64_t before = time_of(filled.output);
  Place reader = Rig::opened(filled.directory, true);
  Cache cache(reader, filled.began);
  REQUIRE(cache.get(kAction));
  CHECK(time_of(filled.output) == before);
  write_file(filled.output, "torn");
  CHECK_FALSE(cache.get(kAction));
  CHECK(exists(filled.output));
  CHECK(exists(filled.action));
}

TEST_CASE("An entry that cannot be noted is told, and leaves no other file") {
  Filled filled;
  Entry entry{an_id(0xa0, 7), kOutput, 5, 1};
  std::filesystem::create_directory(filled.path_of(entry.action, Kind::action));
  CHECK_FALSE(filled.cache.put(entry, "1-1"));
  CHECK(names_in(filled.own("tmp")).empty());
  std::filesystem::remove(filled.own("tmp"));
  CHECK_FALSE(filled.cache.put({an_id(0xa0, 8), kOutput, 5, 1}, "1-1"));
}

TEST_CASE("What the go command's own cache has written is found") {
  Filled filled;
  // go writes the output first, in place, and has 0666 without what its umask takes away.
  write_file(filled.path_of(an_id(0x11), Kind::output), "from go");
  write_file(filled.path_of(an_id(0x12), Kind::action), "v1 12" + std::string(62, '0') + " 11" +
                                                            std::string(62, '0') +
                                                            "                    7  1790000000000000000\n");
  auto found = filled.cache.get(an_id(0x12));
  REQUIRE(found);
  CHECK(contents(found->path) == "from go");
}
