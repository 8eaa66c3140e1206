// What the go command asks, in every form, and how it ends.
#include <fstream>

#include "tests/integration/gocache_support.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;

namespace {

// A line of /proc/PID/status, in KiB.
size_t status_kib(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
  }
  return 0;
}

// A put of so many bytes, of which the test holds no more than a piece. Its path.
std::string put_huge(GoCommand& go, const std::string& name, size_t bytes) {
  const std::string piece(size_t{3} << 18U, 'x');
  const std::string encoded = base64_of(piece);
  go.write(go.put_line(name, name, bytes));
  int64_t id = go.last_id();
  go.write("\n\"");
  size_t left = bytes;
  for (; left >= piece.size(); left -= piece.size()) go.write(encoded);
  go.write(base64_of(std::string_view(piece).substr(0, left)) + "\"\n");
  Answer stored = go.answer(id);
  REQUIRE_FALSE(stored.path.empty());
  CHECK(std::filesystem::file_size(stored.path) == bytes);
  return stored.path;
}

}  // namespace

TEST_CASE("What is put is got, in this run and in the next one", "[forms]") {
  Cache cache;
  {
    GoCommand go(cache);
    go.must_miss("a");
    CHECK(go.must_put("a", "out", "bytes") == cache.output("out"));
    CHECK(go.must_hit("a", "out", "bytes") == cache.output("out"));
    go.end();
  }
  GoCommand go(cache);
  go.must_hit("a", "out", "bytes");
  go.must_miss("b");
  go.end();
  CHECK(go.errors().empty());
  CHECK_FALSE(cache.has_unfinished());
}

TEST_CASE("An empty body has no line, and its size may be absent", "[forms]") {
  Cache cache;
  GoCommand go(cache);
  go.must_put("absent", "empty", "");
  go.must_hit("absent", "empty", "");
  go.write(go.request("put", R"(,"ActionID":")" + base64_of(id_named("zero")) + R"(","OutputID":")" +
                                 base64_of(id_named("empty")) + R"(","BodySize":0)"));
  CHECK(go.answer(go.last_id()).path == cache.output("empty"));
  go.must_hit("zero", "empty", "");
  // As every go command until now writes it, with an empty line behind.
  go.write("\n");
  go.must_put("b", "full", "x");
  go.end();
}

TEST_CASE("A body of 64 MiB and a byte is stored", "[forms]") {
  Cache cache;
  GoCommand go(cache);
  put_huge(go, "large", (size_t{64} << 20U) + 1);
  CHECK(go.get("large").size == (size_t{64} << 20U) + 1);
  go.end();
}

TEST_CASE("However large a body is, no more than 8 MiB are resident", "[forms]") {
  Cache cache;
  GoCommand go(cache);
  put_huge(go, "large", size_t{96} << 20U);
  size_t peak = status_kib(go.pid(), "VmHWM");
  INFO("VmHWM " << peak << " KiB");
  CHECK(peak > 0);
  // Sanitizers need more for themselves.
  if (!kSlowBuild) CHECK(peak <= 8 * 1024);
  go.end();
}

TEST_CASE("The id of an output is OutputID, or else ObjectID, and is never empty", "[forms]") {
  Cache cache;
  GoCommand go(cache);
  auto put = [&](const std::string& action, const std::string& members) {
    go.write(go.request("put", R"(,"ActionID":")" + base64_of(id_named(action)) + "\"" + members +
                                   ",\"BodySize\":2") +
             "\n\"" + base64_of("ok") + "\"\n");
    return go.answer(go.last_id());
  };
  auto member = [](const char* name, const char* output) {
    return std::string(",\"") + name + "\":\"" + base64_of(id_named(output)) + "\"";
  };
  put("object", member("ObjectID", "1"));
  put("output", member("OutputID", "2"));
  put("same", member("ObjectID", "3") + member("OutputID", "3"));
  put("different", member("ObjectID", "4") + member("OutputID", "5"));
  go.must_hit("object", "1", "ok");
  go.must_hit("output", "2", "ok");
  go.must_hit("same", "3", "ok");
  go.must_hit("different", "5", "ok");
  for (const char* none : {"", ",\"OutputID\":\"\"", ",\"OutputID\":null,\"ObjectID\":\"\""}) {
    Answer refused = put("neither", none);
    CHECK(has(refused.error, "OutputID"));
    CHECK(refused.path.empty());
  }
  go.must_miss("neither");
  CHECK_FALSE(exists(cache.output("4")));
  go.end();
  CHECK_FALSE(cache.has_unfinished());
}

TEST_CASE("Requests are answered by their ids, whatever these are", "[forms]") {
  Cache cache;
  GoCommand go(cache);
  go.must_put("a", "out", "bytes");
  auto get = [&](const std::string& id) {
    go.write("{\"ID\":" + id + R"(,"Command":"get","ActionID":")" + base64_of(id_named("a")) + "\"}\n");
  };
  for (const char* id : {"900", "-7", "0", "9223372036854775807", "17"}) get(id);
  for (int64_t id : {int64_t{17}, INT64_MAX, int64_t{0}, int64_t{-7}, int64_t{900}})
    CHECK(go.answer(id).is_hit());
  go.end();
}

TEST_CASE("Requests that are sent at once are all answered", "[forms]") {
  Cache cache;
  GoCommand go(cache);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += go.request("get", R"(,"ActionID":")" + base64_of(id_named(std::to_string(i))) + "\"");
    all += go.put_line(std::to_string(i), std::to_string(i), 3) + "\n\"" + base64_of("abc") + "\"\n";
  }
  go.write(all);
  for (int64_t id = 1; id <= 400; ++id) {
    Answer answer = go.answer(id);
    CHECK(answer.miss == (id % 2 == 1));
  }
  for (int i = 0; i < 200; ++i) go.must_hit(std::to_string(i), std::to_string(i), "abc");
  go.end();
}

TEST_CASE("With --verbose there is a line for each request", "[forms]") {
  Cache cache;
  GoCommand go(cache, {.arguments = {"-v"}, .environment = {}, .in_child = {}, .verb = {}});
  go.must_miss("a");
  go.must_put("a", "out", "bytes");
  go.must_hit("a", "out", "bytes");
  go.end();
  std::string id = hex_of(id_named("a")).substr(0, 16);
  for (const std::string& line :
       {"get " + id + " miss\n", "put " + id + " 5\n", "get " + id + " hit 5\n", std::string("close\n")}) {
    INFO(go.errors());
    CHECK(has(go.errors(), line));
  }
}

TEST_CASE("A body that is not what was promised is refused with its id, and stores nothing", "[hostile]") {
  Cache cache;
  GoCommand go(cache);
  for (const char* body :
       {"\"aGVs*G8=\"", "\"aGVsbG9o\"", "\"aGVs\"", "\"\"", "\"aGVsbG8\"", "\"aGVs\\u0062G8=\""}) {
    go.write(go.put_line("a", "out", 5) + "\n" + body + "\n");
    INFO(body);
    CHECK_FALSE(go.answer(go.last_id()).error.empty());
    go.must_miss("a");
  }
  CHECK_FALSE(exists(cache.output("out")));
  CHECK_FALSE(cache.has_unfinished());
  go.must_put("a", "out", "hello");
  go.end();
}

TEST_CASE("A body that does not come is refused, and the next request is answered", "[hostile]") {
  Cache cache;
  GoCommand go(cache);
  go.write(go.put_line("a", "out", 5));
  int64_t put = go.last_id();
  go.must_miss("b");
  CHECK(has(go.answer(put).error, "missing"));
  go.end();
}

TEST_CASE("A command that is not known is refused with its id", "[hostile]") {
  Cache cache;
  GoCommand go(cache);
  go.write(go.request("fly", ""));
  CHECK(has(go.answer(go.last_id()).error, "unknown command"));
  go.write(go.request("stat", ",\"BodySize\":3") + "\"" + base64_of("abc") + "\"\n");
  CHECK(has(go.answer(go.last_id()).error, "unknown command"));
  go.write("{\"ID\":" + std::to_string(700) + "}\n");
  CHECK_FALSE(go.answer(700).error.empty());
  go.must_miss("a");
  go.end();
}

TEST_CASE("Garbage has no answer, and what follows has", "[hostile]") {
  Cache cache;
  GoCommand go(cache);
  for (const char* line :
       {"hello", "[1,2]", "{", "}", "\"x\"", "{\"Command\":\"get\"}", "{\"ID\":}", "\xff\xfe\xfd"}) {
    // An open brace takes what follows, up to the one that closes it.
    go.write(std::string(line) + (std::string(line) == "{" ? "}" : "") + "\n");
    go.must_miss("a");
  }
  go.write("{\"x\":\"" + std::string(size_t{200} << 10U, 'x') + "\"}\n");
  go.must_miss("a");
  go.end();
  CHECK(has(go.errors(), "is no request"));
}

TEST_CASE("Answers come while nothing is asked", "[flow]") {
  Cache cache;
  GoCommand go(cache);
  // Each is waited for before the next byte is written.
  for (int i = 0; i < 20; ++i) {
    std::string name = std::to_string(i);
    go.must_miss(name);
    go.must_put(name, name, name);
  }
  CHECK(go.is_quiet());
  go.end();
}

TEST_CASE("A request that comes byte by byte is answered", "[flow]") {
  Cache cache;
  GoCommand go(cache);
  std::string text = go.put_line("a", "out", 5) + "\n\"" + base64_of("hello") + "\"\n";
  for (char c : text) go.write({&c, 1});
  CHECK(go.answer(go.last_id()).path == cache.output("out"));
  go.must_hit("a", "out", "hello");
  go.end();
}

TEST_CASE("While nobody reads the answers, requests and a huge body are read", "[flow]") {
  Cache cache;
  GoCommand go(cache, {.arguments = {}, .environment = {}, .in_child = {}, .verb = {}, .pipe_bytes = 4096});
  go.must_put("small", "small", "x");
  constexpr int kGets = 20'000;
  int64_t first = go.last_id() + 1;
  std::string gets;
  for (int i = 0; i < kGets; ++i)
    gets += go.request("get", R"(,"ActionID":")" + base64_of(id_named("small")) + "\"");
  // Of all of this not one answer is read.
  go.write(gets);
  std::string body(size_t{8} << 20U, 'x');
  int64_t put = go.send_put("huge", "huge", body);
  for (int i = 0; i < kGets; ++i) REQUIRE(go.answer(first + i).is_hit());
  CHECK(go.answer(put).path == cache.output("huge"));
  go.end();
}

TEST_CASE("A close is answered behind what was asked before, and ends it", "[end]") {
  Cache cache;
  GoCommand go(cache);
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += go.request("get", R"(,"ActionID":")" + base64_of(id_named("a")) + "\"");
  all += go.put_line("a", "out", 5) + "\n\"" + base64_of("hello") + "\"\n" + go.request("close", "");
  go.write(all);
  go.close_stdin();
  for (int i = 1; i <= 102; ++i) go.answer(i);
  CHECK(go.read_line().empty());
  go.must_exit();
  GoCommand next(cache);
  next.must_hit("a", "out", "hello");
  next.end();
}

TEST_CASE("A close without a get is answered", "[end]") {
  Cache cache;
  GoCommand go(cache);
  go.end();
}

TEST_CASE("After a close stdout is closed, though stdin is open", "[end]") {
  Cache cache;
  GoCommand go(cache);
  go.write(go.request("close", ""));
  go.answer(go.last_id());
  CHECK(go.read_line().empty());
  go.must_exit();
}

TEST_CASE("What is asked behind a close has no answer", "[end]") {
  Cache cache;
  GoCommand go(cache);
  std::string close = go.request("close", "");
  go.write(close + go.request("get", R"(,"ActionID":")" + base64_of(id_named("a")) + "\""));
  go.answer(1);
  CHECK(go.read_line().empty());
  go.must_exit();
}

TEST_CASE("At the end of stdin without a close, what was asked is answered", "[end]") {
  Cache cache;
  GoCommand go(cache);
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += go.request("get", R"(,"ActionID":")" + base64_of(id_named("a")) + "\"");
  go.write(all);
  go.close_stdin();
  for (int i = 1; i <= 100; ++i) CHECK(go.answer(i).miss);
  CHECK(go.read_line().empty());
  go.must_exit();
}

TEST_CASE("When stdin ends within a body, nothing of it is left", "[end]") {
  Cache cache;
  GoCommand go(cache);
  go.write(go.put_line("a", "out", 500'000) + "\n\"" + base64_of(std::string(300'000, 'x')));
  go.close_stdin();
  CHECK(go.read_line().empty());
  go.must_exit();
  CHECK_FALSE(exists(cache.output("out")));
  CHECK_FALSE(cache.has_unfinished());
  CHECK(names_in(cache.own("run")).empty());
}

TEST_CASE("When the go command is killed, it ends, whatever it was doing", "[end]") {
  Cache cache;
  GoCommand go(cache, {.arguments = {}, .environment = {}, .in_child = {}, .verb = {}, .pipe_bytes = 4096});
  go.must_put("a", "out", "x");
  // More answers than the pipe holds, and half a body.
  std::string gets;
  for (int i = 0; i < 1000; ++i)
    gets += go.request("get", R"(,"ActionID":")" + base64_of(id_named("a")) + "\"");
  go.write(gets + go.put_line("b", "b", 5) + "\n\"aGV");
  go.close_stdin();
  go.close_stdout();
  go.must_exit();
  CHECK_FALSE(cache.has_unfinished());
  CHECK(has(gocache(cache, {"stats", "--json"}).output, "\"runs\":1,"));
}

TEST_CASE("An interrupt is for the go command, which ends its cache when it is ready to", "[end]") {
  Cache cache;
  GoCommand go(cache);
  go.child().signal(SIGINT);
  go.child().signal(SIGHUP);
  go.must_put("a", "out", "x");
  go.end();
}
