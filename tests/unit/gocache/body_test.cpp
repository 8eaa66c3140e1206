#include "consumer/gocache/body.h"

#include <csignal>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "consumer/gocache/prune.h"
#include "tests/integration/forked.h"
#include "tests/unit/gocache/support.h"
#include "tests/unit/gocache/variable.h"

using namespace bus;
using namespace bus::gocache;
using test::Forked;

namespace {

const Id kOutput = an_id(0xd0, 1);

// More than one buffer of a comparison and of a copy.
std::string large() {
  std::string out;
  for (int i = 0; out.size() < 70'000; ++i) out += std::to_string(i) + ",";
  return out;
}

struct Writer {
  Rig rig;
  TempDir temporary;
  Variable tmpdir{"TMPDIR", temporary.path()};
  std::vector<std::string> made;
  PrivatePlace elsewhere{[this](const std::string& directory) { made.push_back(directory); }};
  gocache::Writing writing{&rig.place, "1-1", elsewhere, 0};
  std::string path = rig.path_of(kOutput, Kind::output);

  Result<Body::Kept> put(const std::string& bytes, size_t piece = 1000) {
    Body body(writing, kOutput, bytes.size());
    for (size_t at = 0; at < bytes.size(); at += piece) body.write(std::string_view(bytes).substr(at, piece));
    return body.end();
  }
  // That is kept in the cache, whole, and leaves nothing else.
  Body::Kept put_in_cache(const std::string& bytes, size_t piece = 1000) {
    auto kept = put(bytes, piece);
    if (!kept) FAIL(kept.error().what);
    CHECK(kept->in_cache);
    CHECK(kept->path == path);
    CHECK(kept->trouble.empty());
    CHECK((contents(path) == bytes));
    CHECK(names_in(rig.own("tmp")).empty());
    CHECK(made.empty());
    return *kept;
  }
  // That is kept elsewhere, whole, in such a path.
  void put_elsewhere(const std::string& bytes, const std::string& start) {
    auto kept = put(bytes);
    if (!kept) FAIL(kept.error().what);
    CHECK_FALSE(kept->in_cache);
    CHECK_FALSE(kept->is_new);
    CHECK_FALSE(kept->trouble.empty());
    INFO(kept->path);
    CHECK(kept->path.starts_with(start));
    CHECK((contents(kept->path) == bytes));
    if (exists(rig.own("tmp"))) CHECK(names_in(rig.own("tmp")).empty());
  }
  std::string private_start() const { return temporary.path() + "/bus-gocache-"; }
};

ino_t inode_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_ino;
}

}  // namespace

TEST_CASE("A body becomes a file of the cache when it is whole, and not before") {
  Writer writer;
  for (const std::string& bytes : {std::string(), std::string("x"), large()}) {
    std::filesystem::remove(writer.path);
    Body body(writer.writing, kOutput, bytes.size());
    if (!bytes.empty()) body.write(bytes);
    CHECK_FALSE(exists(writer.path));
    auto kept = body.end();
    REQUIRE(kept);
    CHECK(kept->is_new);
    CHECK((contents(writer.path) == bytes));
    struct stat st {};
    REQUIRE(::stat(writer.path.c_str(), &st) == 0);
    CHECK((st.st_mode & 022U) == 0);
  }
}

TEST_CASE("A body that is dropped leaves nothing") {
  Writer writer;
  {
    Body body(writer.writing, kOutput, 10);
    body.write("12345");
    CHECK(names_in(writer.rig.own("tmp")).size() == 1);
  }
  CHECK(names_in(writer.rig.own("tmp")).empty());
  CHECK_FALSE(exists(writer.path));
}

TEST_CASE("An output that is there with the same bytes is left alone, but for its time") {
  Writer writer;
  for (const std::string& bytes : {std::string(), std::string("x"), large()}) {
    writer.rig.add_output(kOutput, bytes, kDayNs);
    ino_t before = inode_of(writer.path);
    int64_t began = wall_ns();
    CHECK_FALSE(writer.put_in_cache(bytes).is_new);
    CHECK(inode_of(writer.path) == before);
    CHECK(time_of(writer.path) >= began - kClockMarginNs);
  }
}

TEST_CASE("An output that is there with other bytes is replaced, wherever they differ") {
  Writer writer;
  const std::string bytes = large();
  for (size_t at : {size_t{0}, size_t{1}, size_t{999}, size_t{1000}, size_t{16383}, size_t{16384},
                    size_t{33'000}, bytes.size() - 1}) {
    for (size_t piece : {size_t{1000}, size_t{100'000}}) {
      std::string damaged = bytes;
      damaged[at] ^= 1;
      writer.rig.add_output(kOutput, damaged, kDayNs);
      INFO("at " << at << " in pieces of " << piece);
      CHECK(writer.put_in_cache(bytes, piece).is_new);
    }
  }
}

TEST_CASE("An output of another size is replaced") {
  Writer writer;
  const std::string bytes = large();
  for (const std::string& damaged : {std::string(), bytes.substr(1), bytes + "x"}) {
    writer.rig.add_output(kOutput, damaged, kDayNs);
    CHECK(writer.put_in_cache(bytes).is_new);
  }
  writer.rig.add_output(kOutput, "not empty", kDayNs);
  CHECK(writer.put_in_cache("").is_new);
}

TEST_CASE("A program that has the old file open keeps reading what it has opened") {
  Writer writer;
  writer.rig.add_output(kOutput, "old", kDayNs);
  std::ifstream linker(writer.path);
  CHECK(writer.put_in_cache("new").is_new);
  std::string read;
  linker >> read;
  CHECK(read == "old");
}

TEST_CASE("A symlink in the place of an output is replaced, and what it leads to is left alone") {
  Writer writer;
  std::string precious = writer.rig.temp.file("precious");
  write_file(precious, "bytes");
  std::filesystem::create_directories(writer.rig.directory + "/d0");
  std::filesystem::create_symlink(precious, writer.path);
  REQUIRE(::chmod((writer.rig.directory + "/d0").c_str(), 0700) == 0);
  CHECK(writer.put_in_cache("bytes").is_new);
  CHECK_FALSE(std::filesystem::is_symlink(writer.path));
  CHECK(writer.put_in_cache("other").is_new);
  CHECK(contents(precious) == "bytes");
}

TEST_CASE("A named pipe in the place of an output is replaced, and nobody waits for it") {
  Writer writer;
  REQUIRE(writer.rig.place.trusts(kOutput));
  REQUIRE(::mkfifo(writer.path.c_str(), 0600) == 0);
  CHECK(writer.put_in_cache("").is_new);
}

TEST_CASE("An output that another user owns, or could have changed, is replaced") {
  Writer writer;
  writer.rig.add_output(kOutput, "bytes", kDayNs);
  REQUIRE(::chmod(writer.path.c_str(), 0666) == 0);
  CHECK(writer.put_in_cache("bytes").is_new);
  if (::geteuid() != 0) return;
  REQUIRE(::chown(writer.path.c_str(), 12345, 12345) == 0);
  CHECK(writer.put_in_cache("bytes").is_new);
  CHECK(writer.put_in_cache("bytes").is_new == false);
}

TEST_CASE("A directory in the place of an output stays, and the body is kept elsewhere") {
  Writer writer;
  write_file(writer.path + "/program", "executable");
  REQUIRE(::chmod((writer.rig.directory + "/d0").c_str(), 0700) == 0);
  writer.put_elsewhere(large(), writer.private_start());
  CHECK(contents(writer.path + "/program") == "executable");
}

TEST_CASE("A directory of outputs that was removed is made again") {
  Writer writer;
  writer.put_in_cache("x");
  std::filesystem::remove_all(writer.rig.directory + "/d0");
  CHECK(writer.put_in_cache("x").is_new);
}

TEST_CASE("A directory of outputs that others may write to is not written to") {
  Writer writer;
  std::filesystem::create_directory(writer.rig.directory + "/d0");
  REQUIRE(::chmod((writer.rig.directory + "/d0").c_str(), 0777) == 0);
  writer.put_elsewhere("bytes", writer.private_start());
  CHECK(names_in(writer.rig.directory + "/d0").empty());
}

TEST_CASE("Where the cache takes no file, the body is kept elsewhere") {
  Writer writer;
  std::filesystem::remove(writer.rig.own("tmp"));
  writer.put_elsewhere(large(), writer.private_start());
  CHECK(writer.made.size() == 1);
}

TEST_CASE("Without a cache, the body is kept elsewhere, and there is no trouble") {
  Writer writer;
  writer.writing.place = nullptr;
  auto kept = writer.put("bytes");
  REQUIRE(kept);
  CHECK_FALSE(kept->in_cache);
  CHECK(kept->trouble.empty());
  CHECK(contents(kept->path) == "bytes");
}

TEST_CASE("Where neither the cache nor the disk takes it, the body is kept in memory") {
  Writer writer;
  std::filesystem::remove(writer.rig.own("tmp"));
  Variable none("TMPDIR", "/nonexistent");
  writer.put_elsewhere(large(), "/proc/" + std::to_string(::getpid()) + "/fd/");
}

TEST_CASE("A cache that is removed while the body comes does not take it") {
  Writer writer;
  auto kept = [&] {
    Body body(writer.writing, kOutput, 10);
    body.write("12345");
    std::filesystem::remove_all(writer.rig.directory);
    body.write("67890");
    return body.end();
  }();
  REQUIRE(kept);
  CHECK_FALSE(kept->in_cache);
  CHECK(contents(kept->path) == "1234567890");
}

TEST_CASE("Where nothing takes it, that is an error and nothing is left") {
  Writer writer;
  // In a process of its own, whose files may have so many bytes.
  Forked limited([&](const Forked::Tell& tell) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{20'000, 20'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto kept = writer.put(large());
    tell(kept ? "kept in " + kept->path : kept.error().what);
  });
  CHECK(limited.read_line() == "write to the cache: File too large");
  CHECK(limited.reap() == 0);
  CHECK_FALSE(exists(writer.path));
  CHECK(names_in(writer.rig.own("tmp")).empty());
}

TEST_CASE("When the disk is full in the middle of a body, what has come goes on elsewhere") {
  TempDir mounted;
  const std::string bytes = large();
  Forked full([&](const Forked::Tell& tell) {
    bool is_mounted = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      ::mount("tiny", mounted.path().c_str(), "tmpfs", 0, "size=48k,mode=0700") == 0;
    if (!is_mounted) return tell("skipped");
    Place place = Rig::opened(mounted.file("cache"));
    PrivatePlace elsewhere([](const std::string&) {});
    gocache::Writing writing{&place, "1-1", elsewhere, 0};
    Body body(writing, kOutput, bytes.size());
    for (size_t at = 0; at < bytes.size(); at += 1000) body.write(std::string_view(bytes).substr(at, 1000));
    auto kept = body.end();
    REQUIRE(kept);
    REQUIRE_FALSE(kept->in_cache);
    REQUIRE((contents(kept->path) == bytes));
    REQUIRE(names_in(mounted.file("cache/bus-gocache/tmp")).empty());
    tell(kept->trouble);
  });
  std::string told = full.read_line();
  if (told == "skipped") {
    WARN("skipped: mounting a file system needs root");
    return;
  }
  CHECK(told == "write to the cache: No space left on device");
  CHECK(full.reap() == 0);
}

TEST_CASE("An output that is pruned while the same one comes is there at the end") {
  Writer writer;
  const std::string bytes = large();
  writer.rig.add_output(kOutput, bytes, wall_ns() - kDayNs);
  auto lease = Lease::take(writer.rig.place, wall_ns());
  REQUIRE(lease);
  Body body(writer.writing, kOutput, bytes.size());
  body.write(std::string_view(bytes).substr(0, 100));
  auto upkeep = Upkeep::begin(writer.rig.place, std::chrono::milliseconds(0));
  REQUIRE(upkeep);
  upkeep->prune({0, INT64_MAX, 0}, wall_ns());
  body.write(std::string_view(bytes).substr(100));
  auto kept = body.end();
  REQUIRE(kept);
  CHECK((contents(kept->path) == bytes));
}
