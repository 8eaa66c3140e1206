// Several runs on one cache: what is pruned and what stays, and which run waits for which.
#include <sys/file.h>

#include "tests/integration/gocache_support.h"

using namespace bus;
using namespace bus::test;

namespace {

using Options = GoCommand::Options;

constexpr int64_t kDay = 24 * 3600;

Options with(std::vector<std::string> arguments) {
  Options out;
  out.arguments = std::move(arguments);
  return out;
}
Options of_go(const std::string& verb) {
  Options out;
  out.verb = verb;
  return out;
}

// A build that puts these, and ends. What it puts is then as old as is said.
void build(const Cache& cache, const std::vector<std::string>& names, int64_t age_seconds) {
  GoCommand go(cache, of_go("build"));
  for (const std::string& name : names) go.must_put(name, name, "bytes of " + name);
  go.end();
  for (const std::string& name : names) {
    set_time(cache.output(name), -age_seconds);
    set_time(cache.action(name), -age_seconds);
  }
}

// A member of bus-gocache stats.
std::string statistic(const Cache& cache, const std::string& name) {
  RunResult stats = gocache(cache, {"stats", "--json"});
  REQUIRE(stats.status.code == 0);
  RawJson json;
  REQUIRE_FALSE(json.scan(stats.output));
  for (const Member& member : json.children()) {
    if (token_is(member.name_token, name)) return std::string(member.value_token);
  }
  return "none";
}

// Removes what may be removed.
RunResult prune_all(const Cache& cache) {
  RunResult out = gocache(cache, {"prune", "--max-size", "1KiB", "--json"});
  INFO(out.errors);
  REQUIRE(out.status.code == 0);
  return out;
}

bool is_held_back(const RunResult& pruned) {
  return has(pruned.output, "\"held_by_builds\":true") || has(pruned.output, "\"held_by_paths\":true");
}

}  // namespace

TEST_CASE("A run that takes the cache above its limit removes the oldest when it has ended", "[prune]") {
  Cache cache;
  build(cache, {"old1", "old2"}, 3 * kDay);
  build(cache, {"young"}, kDay);
  GoCommand go(cache, with({"--max-size", "1MiB"}));
  go.must_put("large", "large", std::string(size_t{1} << 20U, 'x'));
  CHECK(exists(cache.output("old1")));
  go.end();
  for (const char* name : {"old1", "old2", "young"}) {
    CHECK_FALSE(exists(cache.output(name)));
    CHECK_FALSE(exists(cache.action(name)));
  }
  // What it has put itself has just been used.
  CHECK(exists(cache.output("large")));
  CHECK_FALSE(cache.has_unfinished());
}

TEST_CASE("A run removes what was not used for longer than the age, once a day", "[prune]") {
  Cache cache;
  build(cache, {"old"}, 31 * kDay);
  build(cache, {"young"}, 29 * kDay);
  {
    GoCommand go(cache);
    go.end();
  }
  CHECK(exists(cache.output("old")));
  // As if it had been counted a day before.
  std::string size = contents(cache.own("size"));
  write_file(cache.own("size"), size.substr(0, 21) + "00000000000000000001\n");
  GoCommand go(cache);
  go.end();
  CHECK_FALSE(exists(cache.output("old")));
  CHECK(exists(cache.output("young")));
}

TEST_CASE("A miss of what was pruned lately is counted", "[prune]") {
  Cache cache;
  build(cache, {"a"}, kDay);
  prune_all(cache);
  CHECK_FALSE(exists(cache.output("a")));
  GoCommand go(cache);
  go.must_miss("a");
  go.must_miss("never there");
  go.end();
  CHECK(statistic(cache, "misses") == "2");
  CHECK(statistic(cache, "evicted_misses") == "1");
}

TEST_CASE("While another one prunes, a run ends without, and prune is refused", "[prune]") {
  Cache cache;
  build(cache, {"old"}, 40 * kDay);
  Fd lock(::open(cache.own("lock").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(lock);
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  GoCommand go(cache, with({"--max-size", "1KiB"}));
  go.must_hit("old", "old", "bytes of old");
  go.end();
  RunResult refused = gocache(cache, {"prune", "--max-size", "1KiB"});
  CHECK(refused.status.code == 75);
  CHECK(exists(cache.output("old")));
  CHECK(gocache(cache, {"clear"}).status.code == 75);
}

TEST_CASE("Time stamps of the future are kept, and are set right by the next hit", "[prune]") {
  Cache cache;
  build(cache, {"a", "b"}, -365 * kDay);
  prune_all(cache);
  CHECK(exists(cache.output("a")));
  GoCommand go(cache);
  go.must_hit("a", "a", "bytes of a");
  go.end();
  struct stat st {};
  REQUIRE(::stat(cache.output("a").c_str(), &st) == 0);
  CHECK(st.st_mtime <= ::time(nullptr) + 1);
  REQUIRE(::stat(cache.output("b").c_str(), &st) == 0);
  CHECK(st.st_mtime > ::time(nullptr) + kDay);
}

TEST_CASE("What a run was given stays while it lives, and what it was not given goes", "[lease]") {
  Cache cache;
  build(cache, {"a", "b"}, 40 * kDay);
  GoCommand go(cache);
  std::string path = go.must_hit("a", "a", "bytes of a");
  go.must_put("new", "new", "bytes");
  SECTION("when it runs") {}
  SECTION("when it is stopped, for however long") {
    go.child().signal(SIGSTOP);
    wait_for_state(go.pid(), 'T');
  }
  RunResult pruned = prune_all(cache);
  CHECK(is_held_back(pruned));
  CHECK(contents(path) == "bytes of a");
  CHECK(exists(cache.output("new")));
  CHECK_FALSE(exists(cache.output("b")));
  go.child().signal(SIGCONT);
  go.must_hit("a", "a", "bytes of a");
  go.must_miss("b");
  go.end();
}

TEST_CASE("What a killed run was given goes, as nobody uses it any more", "[lease]") {
  Cache cache;
  {
    GoCommand go(cache, of_go("build"));
    go.must_put("a", "a", "bytes");
    go.end();
  }
  GoCommand go(cache);
  go.must_miss("b");
  go.kill();
  set_time(cache.output("a"), -kDay);
  set_time(cache.action("a"), -kDay);
  CHECK_FALSE(is_held_back(prune_all(cache)));
  CHECK_FALSE(exists(cache.output("a")));
  CHECK(names_in(cache.own("run")).empty());
}

TEST_CASE("Clear is refused while a build runs, and then removes everything", "[lease]") {
  Cache cache;
  GoCommand go(cache);
  go.must_put("a", "a", "bytes");
  RunResult refused = gocache(cache, {"clear"});
  CHECK(refused.status.code == 75);
  CHECK(has(refused.errors, "a build uses the cache"));
  go.must_hit("a", "a", "bytes");
  go.end();
  CHECK(gocache(cache, {"clear"}).status.code == 0);
  CHECK_FALSE(exists(cache.output("a")));
  GoCommand next(cache);
  next.must_miss("a");
  next.end();
}

TEST_CASE("Paths that go list, or a program that is not known, was given stay for a day", "[escaped]") {
  Cache cache;
  build(cache, {"built", "given"}, 3 * kDay);
  {
    // The test program itself is the parent, whose name nobody knows.
    Options options;
    SECTION("go list") { options = of_go("list"); }
    SECTION("another program") {}
    GoCommand go(cache, options);
    go.must_hit("given", "given", "bytes of given");
    go.must_put("put", "put", "bytes of put");
    go.end();
  }
  for (const char* name : {"given", "put"}) set_time(cache.output(name), -2 * kDay);
  CHECK(is_held_back(prune_all(cache)));
  CHECK(contents(cache.output("given")) == "bytes of given");
  CHECK(contents(cache.output("put")) == "bytes of put");
  CHECK_FALSE(exists(cache.output("built")));
  // A day later.
  auto runs = names_in(cache.own("run"));
  REQUIRE(runs.size() == 1);
  set_time(cache.own("run/" + runs[0]), -kDay - 60);
  prune_all(cache);
  CHECK_FALSE(exists(cache.output("given")));
  CHECK_FALSE(exists(cache.output("put")));
  CHECK(names_in(cache.own("run")).empty());
}

TEST_CASE("Paths that go build was given do not outlive it", "[escaped]") {
  Cache cache;
  build(cache, {"given"}, 3 * kDay);
  GoCommand go(cache, of_go("build"));
  go.must_hit("given", "given", "bytes of given");
  go.end();
  CHECK(names_in(cache.own("run")).empty());
  set_time(cache.output("given"), -2 * kDay);
  set_time(cache.action("given"), -2 * kDay);
  prune_all(cache);
  CHECK_FALSE(exists(cache.output("given")));
  CHECK(has(gocache(cache, {"stats"}).output, "go build"));
}

TEST_CASE("Two runs on one directory have what the other has put", "[flight]") {
  Cache cache;
  GoCommand one(cache);
  GoCommand other(cache);
  for (int i = 0; i < 20; ++i) {
    std::string name = std::to_string(i);
    (i % 2 == 0 ? one : other).must_put(name, name, name);
    one.must_hit(name, name, name);
    other.must_hit(name, name, name);
  }
  one.end();
  other.must_hit("0", "0", "0");
  other.end();
  CHECK(statistic(cache, "runs") == "2");
}

TEST_CASE("A run waits for what another one is building, and for nothing else", "[flight]") {
  Cache cache;
  GoCommand one(cache);
  GoCommand other(cache);
  one.must_miss("a");
  int64_t waiting = other.send_get("a");
  // In the meantime it answers.
  other.must_miss("b");
  other.must_put("b", "b", "bytes of b");
  other.must_hit("b", "b", "bytes of b");
  CHECK(other.is_quiet());
  one.must_put("a", "a", "bytes of a");
  Answer got = other.answer(waiting);
  CHECK(got.is_hit());
  CHECK(contents(got.path) == "bytes of a");
  one.end();
  other.end();
  CHECK(statistic(cache, "waited_hits") == "1");
  CHECK(statistic(cache, "misses") == "2");
}

TEST_CASE("A run does not wait for itself", "[flight]") {
  Cache cache;
  GoCommand go(cache);
  go.must_miss("a");
  go.must_miss("a");
  go.must_put("a", "a", "bytes");
  go.must_hit("a", "a", "bytes");
  go.end();
  CHECK(statistic(cache, "waited_ms") == "0");
}

TEST_CASE("When the one that builds it dies or ends without it, the one that waits builds it", "[flight]") {
  Cache cache;
  GoCommand one(cache);
  GoCommand other(cache);
  GoCommand third(cache);
  one.must_miss("a");
  int64_t waiting = other.send_get("a");
  other.must_miss("b");
  CHECK(other.is_quiet());
  SECTION("it is killed") { one.kill(); }
  SECTION("it closes") { one.end(); }
  SECTION("its put is refused") {
    one.write(one.put_line("a", "a", 5) + "\n\"" + base64_of("four") + "\"\n");
    CHECK_FALSE(one.answer(one.last_id()).error.empty());
  }
  CHECK(other.answer(waiting).miss);
  // Now a third one waits for the second one.
  int64_t third_waiting = third.send_get("a");
  third.must_miss("c");
  CHECK(third.is_quiet());
  other.must_put("a", "a", "bytes of a");
  CHECK(third.answer(third_waiting).is_hit());
  other.end();
  third.end();
}

TEST_CASE("Two runs that wait for each other both go on", "[flight]") {
  Cache cache;
  GoCommand one(cache);
  GoCommand other(cache);
  one.must_miss("a");
  other.must_miss("b");
  int64_t ones = one.send_get("b");
  int64_t others = other.send_get("a");
  one.must_put("a", "a", "bytes of a");
  CHECK(other.answer(others).is_hit());
  other.must_put("b", "b", "bytes of b");
  CHECK(one.answer(ones).is_hit());
  one.end();
  other.end();
}

TEST_CASE("A get that waits when its run is to close is answered with a miss", "[flight]") {
  Cache cache;
  GoCommand one(cache);
  GoCommand other(cache);
  one.must_miss("a");
  int64_t waiting = other.send_get("a");
  SECTION("by a close") {
    other.write(other.request("close", ""));
    CHECK(other.answer(waiting).miss);
    other.answer(other.last_id());
  }
  SECTION("by the end of stdin") {
    other.close_stdin();
    CHECK(other.answer(waiting).miss);
  }
  CHECK(other.read_line().empty());
  other.must_exit();
  one.end();
}

TEST_CASE("A run that only reads waits for no other", "[flight]") {
  Cache cache;
  GoCommand one(cache);
  one.must_miss("a");
  GoCommand reader(cache, with({"--read-only"}));
  reader.must_miss("a");
  reader.end();
  one.end();
}
