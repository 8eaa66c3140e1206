// What is damaged heals, what is put twice is whole, and what is killed leaves nothing that is wrong.
#include "tests/integration/gocache_support.h"

using namespace bus;
using namespace bus::test;

namespace {

// A cache that has "a", which leads to "out", from an earlier run.
struct Filled : Cache {
  Filled() {
    GoCommand go(*this);
    go.must_put("a", "out", "bytes");
    go.end();
  }
  // A miss, after which the same build puts the same again; and then all is as before.
  void check_heals() const {
    GoCommand go(*this);
    go.must_miss("a");
    CHECK(go.must_put("a", "out", "bytes") == output("out"));
    go.must_hit("a", "out", "bytes");
    go.end();
    GoCommand next(*this);
    CHECK(next.must_hit("a", "out", "bytes") == output("out"));
    next.end();
    CHECK(next.errors().empty());
    CHECK_FALSE(has_unfinished());
  }
};

// What a build asks that has "a" in its cache and builds "b".
std::string played() {
  auto ids = [](const char* action) {
    return R"(,"ActionID":")" + base64_of(id_named(action)) + R"(","OutputID":")" +
           base64_of(id_named("out2")) + "\"";
  };
  return "{\"ID\":1,\"Command\":\"get\"" + ids("a") + "}\n{\"ID\":2,\"Command\":\"get\"" + ids("b") +
         "}\n{\"ID\":3,\"Command\":\"put\"" + ids("b") + ",\"BodySize\":5}\n\"" + base64_of("bytes") +
         "\"\n{\"ID\":4,\"Command\":\"close\"}\n";
}

// The run that was killed; the one after it finds the cache fit for use, and leaves nothing of it.
void check_left_fit(const Cache& cache) {
  GoCommand next(cache);
  for (const char* name : {"a", "b"}) {
    Answer got = next.get(name);
    if (!got.miss) CHECK(contents(got.path) == "bytes");
    next.must_put(name, "out", "bytes");
  }
  next.end();
  CHECK(next.errors().empty());
  CHECK_FALSE(cache.has_unfinished());
}

}  // namespace

TEST_CASE("Two puts of one output, with the same bytes and with others, in one process", "[twice]") {
  Cache cache;
  GoCommand go(cache);
  go.must_put("a", "out", "bytes");
  std::ifstream linker(cache.output("out"));
  go.must_put("b", "out", "bytes");
  go.must_hit("a", "out", "bytes");
  go.must_put("b", "out", "other");
  go.must_hit("b", "out", "other");
  // A program that has the file open has the bytes that it had.
  std::string opened;
  linker >> opened;
  CHECK(opened == "bytes");
  // One action, another output.
  go.must_put("a", "new", "newer");
  go.must_hit("a", "new", "newer");
  go.end();
}

TEST_CASE("Two processes put one output at once, with the same bytes and with others", "[twice]") {
  Cache cache;
  GoCommand one(cache);
  GoCommand other(cache);
  const std::string bytes(300'000, 'x');
  const std::string encoded = base64_of(bytes);
  SECTION("the same") {
    // Both are in the middle of it.
    one.write(one.put_line("a", "out", bytes.size()) + "\n\"" + encoded.substr(0, 200'000));
    other.write(other.put_line("a", "out", bytes.size()) + "\n\"" + encoded.substr(0, 200'000));
    one.write(encoded.substr(200'000) + "\"\n");
    CHECK(one.answer(one.last_id()).path == cache.output("out"));
    other.write(encoded.substr(200'000) + "\"\n");
    CHECK(other.answer(other.last_id()).path == cache.output("out"));
    one.must_hit("a", "out", bytes);
    other.must_hit("a", "out", bytes);
  }
  SECTION("others, of which the last one counts") {
    one.write(one.put_line("a", "out", bytes.size()) + "\n\"" + encoded.substr(0, 200'000));
    other.must_put("a", "out", "other");
    one.write(encoded.substr(200'000) + "\"\n");
    CHECK(one.answer(one.last_id()).path == cache.output("out"));
    one.must_hit("a", "out", bytes);
    other.must_hit("a", "out", bytes);
  }
  one.end();
  other.end();
  CHECK_FALSE(cache.has_unfinished());
}

TEST_CASE("A run that stores the same again leaves the file alone", "[twice]") {
  Filled cache;
  struct stat before {};
  REQUIRE(::stat(cache.output("out").c_str(), &before) == 0);
  GoCommand go(cache);
  go.must_put("b", "out", "bytes");
  go.end();
  struct stat after {};
  REQUIRE(::stat(cache.output("out").c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("An output that is truncated, empty or longer is a miss, and heals", "[damaged]") {
  Filled cache;
  for (const char* damaged : {"byte", "", "bytes and more"}) {
    write_file(cache.output("out"), damaged);
    INFO(damaged);
    cache.check_heals();
  }
}

TEST_CASE("An output that is missing is a miss, and heals", "[damaged]") {
  Filled cache;
  std::filesystem::remove(cache.output("out"));
  cache.check_heals();
}

TEST_CASE("A symlink in the place of an output is a miss, and heals, and what it leads to is left alone",
          "[damaged]") {
  Filled cache;
  std::string precious = cache.temp.file("precious");
  write_file(precious, "bytes");
  std::filesystem::remove(cache.output("out"));
  std::filesystem::create_symlink(precious, cache.output("out"));
  cache.check_heals();
  CHECK(contents(precious) == "bytes");
}

TEST_CASE("An output of another user is a miss, and heals", "[damaged]") {
  if (::geteuid() != 0) {
    WARN("skipped: giving a file away needs root");
    return;
  }
  Filled cache;
  REQUIRE(::chown(cache.output("out").c_str(), 12345, 12345) == 0);
  cache.check_heals();
}

TEST_CASE("An output that others may write is a miss, and heals", "[damaged]") {
  Filled cache;
  REQUIRE(::chmod(cache.output("out").c_str(), 0666) == 0);
  cache.check_heals();
}

TEST_CASE("A directory in the place of an output is a miss and stays, and the build goes on", "[damaged]") {
  Filled cache;
  std::filesystem::remove(cache.output("out"));
  std::filesystem::create_directory(cache.output("out"));
  write_file(cache.output("out") + "/program", "executable");
  GoCommand go(cache);
  go.must_miss("a");
  go.must_put("a", "out", "bytes");
  go.must_hit("a", "out", "bytes");
  go.end();
  CHECK(contents(cache.output("out") + "/program") == "executable");
  CHECK(has(go.errors(), "the build goes on without it"));
  CHECK(has(gocache(cache, {"stats", "--json"}).output, "\"elsewhere\":1,"));
}

TEST_CASE("An output of the right size with other bytes is found by verify, and then heals", "[damaged]") {
  Filled cache;
  RunResult before = gocache(cache, {"verify", "--json"});
  // "out" is not the hash of its bytes.
  CHECK(before.status.code == 1);
  CHECK(has(before.output, hex_of(id_named("out")) + "-d"));
  CHECK_FALSE(exists(cache.output("out")));
  GoCommand go(cache);
  go.must_miss("a");
  go.end();
}

TEST_CASE("An entry that is damaged in any way is a miss, and heals", "[damaged]") {
  Filled cache;
  const std::string line = contents(cache.action("a"));
  for (const std::string& damaged : {std::string(), line.substr(0, 100), line + "x",
                                     std::string(line.size(), '\0'), std::string(size_t{1} << 20U, 'v')}) {
    write_file(cache.action("a"), damaged);
    cache.check_heals();
  }
}

TEST_CASE("A directory in the place of an entry is a miss, and the build goes on", "[damaged]") {
  Filled cache;
  std::filesystem::remove(cache.action("a"));
  std::filesystem::create_directory(cache.action("a"));
  GoCommand go(cache);
  go.must_miss("a");
  go.must_put("a", "out", "bytes");
  go.must_hit("a", "out", "bytes");
  go.end();
}

TEST_CASE("What a run was killed in the middle of is not there, and nothing of it is left", "[killed]") {
  Cache cache;
  GoCommand go(cache);
  std::string encoded = base64_of(std::string(500'000, 'x'));
  go.write(go.put_line("a", "out", 500'000) + "\n\"" + encoded.substr(0, 400'000));
  // More than the pipe holds: so it has begun, and reads the rest.
  go.kill();
  CHECK(cache.has_unfinished());
  CHECK_FALSE(exists(cache.output("out")));
  check_left_fit(cache);
}

TEST_CASE("A run that is killed between the output and its entry leaves a cache that is fit for use",
          "[killed]") {
  // The names that a put gives are the output's and then the entry's.
  for (const char* nth : {"1", "2", "3", "4"}) {
    Cache cache;
    GoCommand go(cache, {.arguments = {},
                         .environment = odd({{"ODD_CALL", "renameat"}, {"ODD_NTH", nth}, {"ODD_ERROR", "0"}}),
                         .in_child = {},
                         .verb = {}});
    go.send_put("a", "out", "bytes");
    go.send_put("b", "out2", "bytes");
    while (!go.read_line().empty()) {
    }
    INFO("at name " << nth);
    CHECK(go.child().wait() == ExitStatus{-1, SIGKILL});
    CHECK(exists(cache.output("out")) == (std::string(nth) != "1"));
    CHECK(exists(cache.action("a")) == (std::string(nth) > "2"));
    CHECK(cache.has_unfinished());
    // Neither is a hash.
    GoCommand next(cache);
    for (const char* name : {"a", "b"}) {
      Answer got = next.get(name);
      if (!got.miss) CHECK(contents(got.path) == "bytes");
    }
    next.must_put("a", "out", "bytes");
    next.must_put("b", "out2", "bytes");
    next.end();
    CHECK(next.errors().empty());
    CHECK_FALSE(cache.has_unfinished());
  }
}

TEST_CASE("A run that is killed while it writes leaves a cache that is fit for use", "[killed]") {
  // How many of each there are, at least.
  const std::vector<std::pair<const char*, int>> calls = {
      {"pwrite", 1}, {"write", 2}, {"openat", 6}, {"utimensat", 2}, {"mkdirat", 2}};
  for (const auto& [call, count] : calls) {
    for (int nth = 1; nth <= count; ++nth) {
      Filled cache;
      set_time(cache.output("out"), -1000);
      set_time(cache.action("a"), -1000);
      {
        Child go(
            BUS_GOCACHE, {"--dir", cache.path},
            {.environment = odd({{"ODD_CALL", call}, {"ODD_NTH", std::to_string(nth)}, {"ODD_ERROR", "0"}}),
             .input = played(),
             .directory = {},
             .stdout_path = {},
             .stderr_path = {},
             .descriptors = {},
             .in_child = {}});
        CHECK(go.wait() == ExitStatus{-1, SIGKILL});
      }
      INFO(call << " " << nth);
      check_left_fit(cache);
    }
  }
}
