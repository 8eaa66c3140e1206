// Disks that are full, directories that are not ours or not there, calls that fail: each get is a hit or a miss, each put has a path, and the
// build goes on.
#include <cerrno>
#include <sched.h>
#include <sys/mount.h>

#include "tests/integration/forked.h"
#include "tests/integration/gocache_support.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;

namespace {

using Options = GoCommand::Options;

// Mounts a tmpfs at `path`, for this process and those that it starts.
bool mount_tiny(const std::string& path, const std::string& how) {
  return ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tiny", path.c_str(), "tmpfs", 0, how.c_str()) == 0;
}

// Runs `body` in a process that has a tmpfs of its own at the place of the cache. A failed check of its ends it, and the test.
void with_disk(const Cache& cache, const std::string& how, const std::function<void()>& body) {
  std::filesystem::create_directory(cache.path);
  Forked other([&](const Forked::Tell& tell) {
    if (!mount_tiny(cache.path, how)) return tell("skipped");
    tell("mounted");
    body();
    tell("done");
  });
  if (other.read_line() == "skipped") {
    WARN("skipped: mounting a file system needs root");
    return;
  }
  CHECK(other.read_line() == "done");
  CHECK(other.reap() == 0);
}

#define MUST(condition)                                                \
  do {                                                                 \
    if (!(condition)) throw std::runtime_error("failed: " #condition); \
  } while (false)

// A run that cannot write anything has a build, and nothing else.
void build_without(GoCommand& go) {
  go.must_miss("a");
  std::string path = go.must_put("a", "out", "bytes");
  CHECK(path.find("/bus-gocache-") != std::string::npos);
  CHECK(go.must_hit("a", "out", "bytes") == path);
  go.must_put("a", "out", "newer");
  go.must_hit("a", "out", "newer");
  go.must_put("b", "empty", "");
  go.end();
  // It was good for this run.
  CHECK_FALSE(exists(path));
}

}  // namespace

TEST_CASE("When the disk is full, what does not fit is kept elsewhere for the run", "[disk]") {
  Cache cache;
  with_disk(cache, "size=400k,mode=0700", [&] {
    GoCommand go(cache);
    go.must_put("small", "small", "x");
    std::string large(1'000'000, 'l');
    std::string path = go.must_put("large", "large", large);
    MUST(path.find(cache.path) == std::string::npos);
    MUST(go.must_hit("large", "large", large) == path);
    for (int i = 0; i < 100; ++i) {
      std::string name = "n" + std::to_string(i);
      go.must_put(name, name, std::string(5000, 'n'));
      go.must_hit(name, name, std::string(5000, 'n'));
    }
    go.end();
    MUST(!exists(path));
    MUST(has(go.errors(), "the build goes on without it: write to the cache: No space left on device"));
    MUST(!cache.has_unfinished());
    // Nothing that does not fit is there by half.
    GoCommand next(cache);
    next.must_miss("large");
    next.must_hit("small", "small", "x");
    for (int i = 0; i < 100; ++i) {
      Answer got = next.get("n" + std::to_string(i));
      MUST(got.miss || contents(got.path) == std::string(5000, 'n'));
    }
    next.end();
  });
}

TEST_CASE("When there are no more inodes, what is built is kept elsewhere for the run", "[disk]") {
  Cache cache;
  with_disk(cache, "nr_inodes=20,mode=0700", [&] {
    GoCommand go(cache);
    for (int i = 0; i < 30; ++i) {
      std::string name = "n" + std::to_string(i);
      go.must_put(name, name, name);
      go.must_hit(name, name, name);
    }
    go.end();
    MUST(has(go.errors(), "the build goes on without it"));
    MUST(!cache.has_unfinished());
  });
}

TEST_CASE("On a disk without any room, a build goes without a cache", "[disk]") {
  Cache cache;
  with_disk(cache, "nr_inodes=1,mode=0700", [&] {
    GoCommand go(cache);
    build_without(go);
  });
}

TEST_CASE("On a disk that can only be read, what is there is hit, and the rest is kept elsewhere", "[disk]") {
  Cache cache;
  with_disk(cache, "size=1m,mode=0700", [&] {
    {
      GoCommand go(cache);
      go.must_put("a", "out", "bytes");
      go.end();
    }
    MUST(::mount("none", cache.path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
    GoCommand go(cache);
    go.must_hit("a", "out", "bytes");
    go.must_miss("b");
    go.must_put("b", "other", "other");
    go.must_hit("b", "other", "other");
    go.end();
    MUST(has(go.errors(), "can only be read"));
    MUST(gocache(cache, {"stats"}).status.code == 0);
    MUST(gocache(cache, {"prune"}).status.code != 0);
  });
}

TEST_CASE("With --read-only nothing is changed, and what is there is hit", "[disk]") {
  Cache cache;
  {
    GoCommand go(cache, Options{.arguments = {"--read-only"}, .environment = {}, .in_child = {}, .verb = {}});
    build_without(go);
    CHECK_FALSE(exists(cache.path));
  }
  {
    GoCommand go(cache);
    go.must_put("a", "out", "bytes");
    go.end();
  }
  set_time(cache.output("out"), -3 * 24 * 3600);
  auto before = std::filesystem::last_write_time(cache.output("out"));
  GoCommand go(cache, Options{.arguments = {"--read-only"}, .environment = {}, .in_child = {}, .verb = {}});
  go.must_hit("a", "out", "bytes");
  go.must_miss("b");
  go.must_put("b", "other", "other");
  go.must_hit("b", "other", "other");
  // What it holds stays, though it cannot renew its time stamp.
  CHECK(gocache(cache, {"prune", "--max-age", "1d"}).status.code == 0);
  go.must_hit("a", "out", "bytes");
  go.end();
  CHECK(std::filesystem::last_write_time(cache.output("out")) == before);
  CHECK_FALSE(exists(cache.output("other")));
}

TEST_CASE("A cache that is removed while a build runs is a miss, and the build goes on", "[disk]") {
  Cache cache;
  GoCommand go(cache);
  go.must_put("a", "out", "bytes");
  std::filesystem::remove_all(cache.path);
  go.must_miss("a");
  go.must_put("a", "out", "bytes");
  go.must_hit("a", "out", "bytes");
  go.must_put("b", "out2", std::string(300'000, 'x'));
  go.must_hit("b", "out2", std::string(300'000, 'x'));
  go.end();
  // The next one has it again.
  GoCommand next(cache);
  next.must_miss("a");
  CHECK(next.must_put("a", "out", "bytes") == cache.output("out"));
  next.end();
}

TEST_CASE("Parts of a cache that are removed while a build runs are a miss, and are made again", "[disk]") {
  Cache cache;
  GoCommand go(cache);
  go.must_put("a", "out", "bytes");
  for (const char* name : {"a", "out"}) {
    std::string path = std::string(name) == "a" ? cache.action(name) : cache.output(name);
    std::filesystem::remove_all(std::filesystem::path(path).parent_path());
    go.must_miss("a");
    CHECK(exists(go.must_put("a", "out", "bytes")));
    go.must_hit("a", "out", "bytes");
  }
  go.end();
}

TEST_CASE("A directory that others may write to is refused, and the build goes without", "[place]") {
  Cache cache;
  std::filesystem::create_directory(cache.path);
  for (mode_t mode : {mode_t{0777}, mode_t{0770}}) {
    REQUIRE(::chmod(cache.path.c_str(), mode) == 0);
    GoCommand go(cache);
    build_without(go);
    CHECK(has(go.errors(), "goes without a cache"));
    CHECK(names_in(cache.path).empty());
    CHECK(gocache(cache, {"stats"}).status.code == 77);
  }
}

TEST_CASE("A directory of entries that others may write to is neither read nor written", "[place]") {
  Cache cache;
  {
    GoCommand go(cache);
    go.must_put("a", "out", "bytes");
    go.end();
  }
  std::string directory = std::filesystem::path(cache.output("out")).parent_path();
  REQUIRE(::chmod(directory.c_str(), 0777) == 0);
  GoCommand go(cache);
  go.must_miss("a");
  CHECK_FALSE(go.must_put("a", "out", "bytes").starts_with(cache.path));
  go.must_hit("a", "out", "bytes");
  go.end();
}

TEST_CASE("A directory of another user is refused, and the build goes without", "[place]") {
  Cache cache;
  std::filesystem::create_directory(cache.path);
  if (::geteuid() != 0 || ::chown(cache.path.c_str(), 12345, 12345) != 0) {
    WARN("skipped: giving a directory away needs root");
    return;
  }
  GoCommand go(cache);
  build_without(go);
  CHECK(has(go.errors(), "belongs to uid 12345"));
}

TEST_CASE("A file or a symlink in the place of the directory is refused, and the build goes without",
          "[place]") {
  Cache cache;
  SECTION("a file") { write_file(cache.path, "x"); }
  SECTION("a symlink") { std::filesystem::create_symlink(cache.temp.path(), cache.path); }
  GoCommand go(cache);
  build_without(go);
}

TEST_CASE("Where no directory is named and none is known, the build goes without", "[place]") {
  TempDir temp;
  for (const char* value : {"", "relative"}) {
    Options options;
    options.environment = {{"HOME", value}, {"XDG_CACHE_HOME", value}};
    GoCommand go(temp, options);
    build_without(go);
    CHECK(has(go.errors(), "neither XDG_CACHE_HOME nor HOME is set"));
  }
}

TEST_CASE("The directory is in $XDG_CACHE_HOME, or else in ~/.cache", "[place]") {
  TempDir temp;
  for (bool has_cache : {true, false}) {
    Options options;
    options.environment = {{"HOME", temp.file("home")},
                           {"XDG_CACHE_HOME", has_cache ? temp.file("xdg") : ""}};
    GoCommand go(temp, options);
    std::string wanted = has_cache ? temp.file("xdg/bus-gocache/") : temp.file("home/.cache/bus-gocache/");
    CHECK(go.must_put("a", "out", "x").starts_with(wanted));
    go.end();
  }
}

TEST_CASE("Where neither the cache nor TMPDIR can be written, what is built is kept in memory", "[place]") {
  Cache cache;
  write_file(cache.path, "no directory");
  Options options;
  options.environment = {{"TMPDIR", "/nonexistent"}};
  GoCommand go(cache, options);
  std::string path = go.must_put("a", "out", "bytes");
  CHECK(path.starts_with("/proc/"));
  CHECK(go.must_hit("a", "out", "bytes") == path);
  go.end();
}

TEST_CASE("What is kept elsewhere, and is removed there by somebody, is a miss", "[place]") {
  Cache cache;
  write_file(cache.path, "no directory");
  GoCommand go(cache);
  std::filesystem::remove(go.must_put("a", "out", "bytes"));
  go.must_miss("a");
  write_file(go.must_put("a", "out", "bytes"), "torn");
  go.must_miss("a");
  go.must_put("a", "out", "bytes");
  go.must_hit("a", "out", "bytes");
  go.end();
}

TEST_CASE("Where no lease can be had, the build goes without, and nothing is left of the attempt",
          "[place]") {
  Cache cache;
  Options options;
  options.environment =
      odd({{"ODD_CALL", "flock"}, {"ODD_NTH", "1+"}, {"ODD_ERROR", std::to_string(ENOLCK)}});
  GoCommand go(cache, options);
  build_without(go);
  CHECK(has(go.errors(), "goes without a cache: lock run/"));
  CHECK(names_in(cache.own("run")).empty());
}

TEST_CASE(
    "What a killed run without a lease has kept elsewhere is removed by a later one, not by one beside it",
    "[place]") {
  Cache cache;
  TempDir temporary;
  Options options;
  options.environment = {{"TMPDIR", temporary.path()}};
  write_file(cache.temp.file("none"), "");
  options.arguments = {"--dir", cache.temp.file("none")};
  GoCommand killed(cache.temp, options);
  killed.must_put("a", "out", "bytes");
  GoCommand beside(cache.temp, options);
  std::string path = beside.must_put("a", "out", "bytes");
  CHECK(names_in(temporary.path()).size() == 2);
  killed.kill();
  options.arguments = {"--dir", cache.path};
  GoCommand next(cache.temp, options);
  next.must_miss("a");
  next.end();
  CHECK(names_in(temporary.path()).size() == 1);
  CHECK(beside.must_hit("a", "out", "bytes") == path);
  beside.end();
  CHECK(names_in(temporary.path()).empty());
}

TEST_CASE("When its directory is moved away, nothing in it is handed out, whatever comes in its place",
          "[place]") {
  bool is_replaced = GENERATE(false, true);
  Cache cache;
  GoCommand go(cache);
  go.must_put("a", "out", "bytes");
  std::filesystem::rename(cache.path, cache.path + ".old");
  if (is_replaced) std::filesystem::create_directory(cache.path);
  build_without(go);
  CHECK(has(go.errors(), "moved away or removed"));
}

TEST_CASE("A run whose answers nobody reads ends with its input", "[place]") {
  bool is_closed = GENERATE(false, true);
  Cache cache;
  GoCommand go(cache);
  go.close_stdout();
  go.send_get("a");
  if (is_closed) go.write(go.request("close", ""));
  go.close_stdin();
  go.must_exit();
  CHECK(names_in(cache.own("run")).empty());
}

TEST_CASE("What a killed run has kept elsewhere is removed by a later one", "[place]") {
  Cache cache;
  TempDir temporary;
  Options options;
  options.environment = odd({{"TMPDIR", temporary.path()},
                             {"ODD_CALL", "pwrite"},
                             {"ODD_NTH", "1"},
                             {"ODD_ERROR", std::to_string(EDQUOT)}});
  GoCommand go(cache, options);
  CHECK(go.must_put("a", "out", "bytes").starts_with(temporary.path()));
  go.kill();
  CHECK(names_in(temporary.path()).size() == 1);
  GoCommand next(cache);
  next.must_miss("a");
  next.end();
  CHECK(names_in(temporary.path()).empty());
}

TEST_CASE("On a disk of another machine it warns, and does not prune", "[place]") {
  Cache cache;
  Options options;
  options.environment = odd({{"ODD_NETWORK", "1"}});
  options.arguments = {"--max-size", "1KiB"};
  GoCommand go(cache, options);
  CHECK(go.must_put("a", "out", std::string(100'000, 'x')) == cache.output("out"));
  go.must_hit("a", "out", std::string(100'000, 'x'));
  go.end();
  CHECK(has(go.errors(), "another machine's disk"));
  CHECK(exists(cache.output("out")));
  ChildOptions how;
  how.environment = options.environment;
  RunResult pruned = run(BUS_GOCACHE, {"prune", "--max-size", "1KiB", "--dir", cache.path}, std::move(how));
  CHECK(pruned.status.code != 0);
  CHECK(has(pruned.errors, "another machine's disk"));
  CHECK(exists(cache.output("out")));
}

namespace {

// A build whose n-th call of this name fails. Whether one has failed.
bool build_with_fault(const Cache& filled, const std::string& call, const std::string& nth, int error) {
  Cache cache;
  std::filesystem::copy(filled.path, cache.path, std::filesystem::copy_options::recursive);
  for (const char* each : {"", "/bus-gocache"}) REQUIRE(::chmod((cache.path + each).c_str(), 0700) == 0);
  set_time(cache.output("out"), -100'000);
  set_time(cache.action("a"), -100'000);
  write_file(cache.output("torn"), "torn");
  std::string report = cache.temp.file("failed");
  {
    Options options;
    options.environment = odd(
        {{"ODD_CALL", call}, {"ODD_NTH", nth}, {"ODD_ERROR", std::to_string(error)}, {"ODD_REPORT", report}});
    options.arguments = {"--max-size", "1KiB"};
    GoCommand go(cache, options);
    for (const char* name : {"a", "b", "torn"}) {
      Answer got = go.get(name);
      INFO(got.line);
      CHECK(got.error.empty());
      if (!got.miss) CHECK(contents(got.path) == "bytes");
      std::string body = std::string(name) == "a" ? "bytes" : std::string(20'000, name[0]);
      go.must_put(name, name, body);
      got = go.get(name);
      INFO(got.line);
      CHECK(got.error.empty());
      if (!got.miss) CHECK((contents(got.path) == body));
    }
    go.must_put("empty", "empty", "");
    go.end();
  }
  // The next one is as if nothing had been.
  GoCommand next(cache);
  for (const char* name : {"a", "b", "torn"}) {
    std::string body = std::string(name) == "a" ? "bytes" : std::string(20'000, name[0]);
    Answer got = next.get(name);
    CHECK(got.error.empty());
    if (!got.miss) CHECK((contents(got.path) == body));
    CHECK(next.must_put(name, name, body).starts_with(cache.path));
    next.must_hit(name, name, body);
  }
  next.end();
  CHECK_FALSE(cache.has_unfinished());
  return exists(report);
}

}  // namespace

TEST_CASE("Whichever call fails, a build goes on, and the next one has its cache", "[calls]") {
  const std::vector<std::pair<const char*, int>> calls = {
      {"renameat", ENOSPC}, {"mkdirat", EDQUOT}, {"mkdir", EROFS},   {"unlinkat", EIO}, {"fstatat", EIO},
      {"utimensat", EROFS}, {"futimens", EROFS}, {"fstat", EIO},     {"flock", ENOLCK}, {"pread", EIO},
      {"pwrite", EDQUOT},   {"write", ENOSPC},   {"openat", EMFILE}, {"fcntl", ENOLCK},
  };
  Cache filled;
  {
    GoCommand go(filled);
    go.must_put("a", "out", "bytes");
    go.must_put("torn", "torn", "torn bytes");
    go.end();
  }
  for (const auto& [call, error] : calls) {
    // All of them, and then each; in builds with sanitizers, which start slowly, only some. A body that cannot be written anywhere is refused.
    INFO(call << " always");
    if (call != std::string("pwrite") && !build_with_fault(filled, call, "1+", error)) continue;
    for (int nth = 1; nth <= (kSlowBuild ? 2 : 5); ++nth) {
      INFO(call << " " << nth);
      if (!build_with_fault(filled, call, std::to_string(nth), error)) break;
    }
  }
}
