// Values over the end of a hub: in order, by SIGKILL, and by the loss of what nobody has stored.
#include <sys/stat.h>

#include "tests/integration/values_support.h"

using namespace bus;
using namespace bus::test;

namespace {

struct Place {
  TempDir directory;
  std::string store = directory.file("v.values");
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--values", store});
    return more;
  }
};

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

}  // namespace

TEST_CASE("A value is there after a restart, with its version and its rev, and versions go on", "[restart]") {
  Place place;
  uint64_t rev = 0;
  {
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    CHECK_FALSE(exists(place.store));
    CHECK(client.must_put("branch", R"("main")") == 1);
    CHECK(client.must_put("branch", R"({"a":[1.50, 2]})") == 2);
    CHECK(client.must_put("gone", "1") == 1);
    CHECK(client.must_delete("gone") == 2);
    rev = number_in(client.get("branch"), "rev");
    struct stat st {};
    REQUIRE(::stat(place.store.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777U) == 0600);
    hub.stop();
  }
  HubProcess hub(place.directory, place.arguments());
  ValueClient client(hub.socket());
  std::string answer = client.get("branch");
  CHECK(has(answer, R"("value":{"a":[1.50, 2]})"));
  CHECK(number_in(answer, "version") == 2);
  CHECK(number_in(answer, "rev") == rev);
  CHECK(number_in(answer, "uid") == ::getuid());
  CHECK(has(client.get("gone"), R"("code":"not_found")"));
  CHECK(client.must_put("branch", "3", R"(,"version":3)") == 3);
  CHECK(client.must_put("gone", "3", R"(,"create":true)") == 3);
  hub.stop();
}

TEST_CASE("Values of process and of power survive a SIGKILL, and nothing begins anew", "[kill]") {
  Place place;
  std::string epoch;
  uint64_t rev = 0;
  for (uint64_t life = 1; life <= 5; ++life) {
    INFO("life " << life);
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    if (life > 1) {
      std::vector<std::string> lines =
          client.watch("k.*", R"(,"since":)" + std::to_string(rev) + R"(,"epoch":")" + epoch + "\"");
      INFO(lines.back());
      CHECK_FALSE(has(lines.back(), "reset"));
      CHECK(lines.size() == 1);
      for (uint64_t i = 0; i < 20; ++i) {
        std::string answer = client.get("k." + std::to_string(i));
        CHECK(number_in(answer, "version") == life - 1);
        CHECK(has(answer, "\"value\":" + std::to_string(life - 1) + "}"));
      }
    }
    ValueClient writer(hub.socket());
    for (uint64_t i = 0; i < 20; ++i) {
      std::string key = "k." + std::to_string(i);
      CHECK(writer.must_put(key, std::to_string(life), i % 5 == 0 ? R"(,"durable":"power")" : "") == life);
    }
    std::string synced = ValueClient(hub.socket()).watch("k.*", R"(,"snapshot":false)").back();
    if (life > 1) CHECK(text_in(synced, "epoch") == epoch);
    epoch = text_in(synced, "epoch");
    CHECK(number_in(synced, "rev") > rev);
    rev = number_in(synced, "rev");
    hub.kill();
  }
}

TEST_CASE(
    "A SIGKILL at the beginning, or while keys of the hub's own change, is no loss: epoch and numbers go on",
    "[kill]") {
  Place place;
  std::string epoch;
  {
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    client.must_put("k", "1");
    epoch = text_in(client.watch("k").back(), "epoch");
    hub.stop();
  }
  for (int life = 1; life <= 20; ++life) {
    HubProcess hub(place.directory, place.arguments());
    if (life % 2 == 0) {
      RawClient source(hub.socket());
      source.send_line(R"({"type":"hello","role":"source","pid":1,"source":"s","version":"v1"})");
      source.read_line();
      for (const char* state : {"ready", "busy"})
        source.send_line(R"({"type":"source_status","state":")" + std::string(state) + "\"}");
    }
    hub.kill();
    INFO(hub.log());
    CHECK_FALSE(has(hub.log(), "values may be lost"));
  }
  HubProcess hub(place.directory, place.arguments());
  ValueClient client(hub.socket());
  std::string synced = client.watch("k").back();
  CHECK(text_in(synced, "epoch") == epoch);
  CHECK(number_in(synced, "rev") < 1000);
  CHECK(client.must_put("k", "2") == 2);
  hub.stop();
}

TEST_CASE("A value that was in memory and is deleted changes the epoch, too: its deletion is not stored",
          "[kill]") {
  for (bool is_killed : {false, true}) {
    Place place;
    std::string synced;
    {
      HubProcess hub(place.directory, place.arguments());
      ValueClient client(hub.socket());
      client.must_put("stored", "1");
      client.must_put("mine", "2", R"(,"durable":"memory")");
      synced = client.watch("*").back();
      client.must_delete("mine");
      if (is_killed) hub.kill();
      if (!is_killed) hub.stop();
    }
    HubProcess hub(place.directory, place.arguments());
    // One that has not seen the deletion is told to forget the key.
    std::string resumed = ValueClient(hub.socket())
                              .watch("*", R"(,"since":)" + std::to_string(number_in(synced, "rev")) +
                                              R"(,"epoch":")" + text_in(synced, "epoch") + "\"")
                              .back();
    CHECK(has(resumed, R"("reset":true)"));
    hub.stop();
  }
}

TEST_CASE("A SIGKILL that takes a value from memory changes the epoch, and no version is given again",
          "[kill]") {
  Place place;
  std::string synced;
  uint64_t version = 0;
  {
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    client.must_put("stored", "1");
    for (int i = 0; i < 3; ++i) version = client.must_put("mine", "2", R"(,"durable":"memory")");
    synced = client.watch("*").back();
    hub.kill();
  }
  HubProcess hub(place.directory, place.arguments());
  ValueClient client(hub.socket());
  CHECK(has(client.get("mine"), R"("code":"not_found")"));
  CHECK(number_in(client.get("stored"), "version") == 1);
  std::vector<std::string> lines =
      client.watch("*", R"(,"since":)" + std::to_string(number_in(synced, "rev")) + R"(,"epoch":")" +
                            text_in(synced, "epoch") + "\"");
  CHECK(lines.size() == 2);
  CHECK(has(lines.back(), R"("reset":true)"));
  CHECK(text_in(lines.back(), "epoch") != text_in(synced, "epoch"));
  CHECK(number_in(lines.back(), "rev") >= number_in(synced, "rev"));
  ValueClient other(hub.socket());
  // Who holds the version of the lost value may not change another one by it.
  CHECK(has(other.put("mine", "3", R"(,"version":)" + std::to_string(version + 1)), R"("code":"stale")"));
  CHECK(other.must_put("mine", "3") > version + 1);
  hub.stop();
}

TEST_CASE("A value in memory over a stored one leaves no older state behind", "[kill]") {
  Place place;
  uint64_t version = 0;
  {
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    client.must_put("k", "1");
    version = client.must_put("k", "2", R"(,"durable":"memory")");
    hub.kill();
  }
  HubProcess hub(place.directory, place.arguments());
  ValueClient client(hub.socket());
  CHECK(has(client.get("k"), R"("code":"not_found")"));
  CHECK(client.must_put("k", "3") > version);
  hub.stop();
}

TEST_CASE("A watch is resumed over a restart in order: only what changed since, deletions too", "[resume]") {
  Place place;
  std::string synced;
  {
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    for (const char* key : {"a", "b", "c"}) client.must_put(key, "1");
    synced = client.watch("*").back();
    ValueClient other(hub.socket());
    other.must_put("b", "2");
    other.must_delete("c");
    hub.stop();
  }
  HubProcess hub(place.directory, place.arguments());
  ValueClient client(hub.socket());
  std::vector<std::string> lines =
      client.watch("*", R"(,"since":)" + std::to_string(number_in(synced, "rev")) + R"(,"epoch":")" +
                            text_in(synced, "epoch") + "\"");
  REQUIRE(lines.size() == 3);
  CHECK(has(lines[0], R"("key":"b","version":2)"));
  CHECK(has(lines[1], R"("key":"c","version":2)"));
  CHECK(has(lines[1], R"("deleted":true)"));
  CHECK(text_in(lines[2], "epoch") == text_in(synced, "epoch"));
  CHECK_FALSE(has(lines[2], "reset"));
  hub.stop();
}

TEST_CASE("Changes of the hub's own keys are no loss for those who watch others, after a SIGKILL too",
          "[resume]") {
  Place place;
  std::string synced;
  {
    HubProcess hub(place.directory, place.arguments());
    ValueClient client(hub.socket());
    client.must_put("a", "1");
    RawClient source(hub.socket());
    source.send_line(hello_line("", {}, R"("role":"source","source":"s")"));
    source.expect_line_with("hello_ack");
    std::string first = client.watch("bus.*").back();
    source.send_line(R"({"type":"source_status","source":"s","state":"reconnecting"})");
    client.raw().expect_line_with(R"("key":"bus.source.s")");
    synced = ValueClient(hub.socket()).watch("*").back();
    CHECK(number_in(synced, "rev") > number_in(first, "rev"));
    // What is committed last is what the next start looks at.
    ValueClient(hub.socket()).must_put("z", "1", R"(,"durable":"power")");
    hub.kill();
  }
  HubProcess hub(place.directory, place.arguments());
  ValueClient client(hub.socket());
  std::vector<std::string> lines =
      client.watch("*", R"(,"since":)" + std::to_string(number_in(synced, "rev")) + R"(,"epoch":")" +
                            text_in(synced, "epoch") + "\"");
  CHECK(lines.size() == 2);
  CHECK_FALSE(has(lines.back(), "reset"));
  hub.stop();
}

TEST_CASE("A hub with another socket stores nothing, and says so to a put that asks for it", "[place]") {
  TempDir directory;
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{}, {"--values", "memory"}}) {
    ChildOptions options;
    options.environment = {{"XDG_STATE_HOME", directory.file("state")}};
    HubProcess hub(arguments, options);
    ValueClient client(hub.socket());
    CHECK(client.must_put("k", "1") == 1);
    for (const char* durable : {"process", "power"}) {
      std::string answer = client.put("k", "2", R"(,"durable":")" + std::string(durable) + "\"");
      CHECK(has(answer, R"("code":"store")"));
      CHECK(has(answer, "--values PATH"));
    }
    CHECK(number_in(client.get("k"), "version") == 1);
    hub.stop();
    CHECK_FALSE(exists(directory.file("state")));
  }
}

TEST_CASE(
    "A hub at its user's standard place stores values in the state directory, which the first put makes",
    "[place]") {
  TempDir directory;
  ChildOptions options;
  options.environment = {{"XDG_RUNTIME_DIR", directory.path()}, {"XDG_STATE_HOME", directory.file("state")}};
  std::string socket = directory.file("busd/work.sock");
  auto detach = [&] {
    RunResult result = run(busd_program(), {"--detach", "--bus", "work", "--sources", "off"}, options);
    INFO(result.errors);
    REQUIRE(result.status == ExitStatus{0, 0});
  };
  detach();
  ValueClient(socket).must_put("m", "1", R"(,"durable":"memory")");
  CHECK_FALSE(exists(directory.file("state")));
  CHECK(ValueClient(socket).must_put("k", "1") == 1);
  CHECK(exists(directory.file("state/busd/work.values")));
  struct stat st {};
  REQUIRE(::stat(directory.file("state/busd").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777U) == 0700);
  stop_detached(socket);
  detach();
  CHECK(has(ValueClient(socket).get("k"), R"("value":1)"));
  stop_detached(socket);
}

TEST_CASE("A relative path of values is taken from where the hub was started, in the background too",
          "[place]") {
  TempDir directory;
  ChildOptions options;
  options.directory = directory.path();
  std::string socket = directory.file("bus.sock");
  RunResult result =
      run(busd_program(), {"--detach", "--socket", socket, "--values", "deep/v.values"}, options);
  INFO(result.errors);
  REQUIRE(result.status == ExitStatus{0, 0});
  ValueClient(socket).must_put("k", "1");
  CHECK(exists(directory.file("deep/v.values")));
  stop_detached(socket);
}

TEST_CASE("A hub without values has no such capability, and makes no file", "[place]") {
  TempDir directory;
  {
    HubProcess hub(directory, {"--values", "off"});
    RawClient client(hub.socket());
    client.send_line(hello_line("k", {"t"}));
    std::string ack = client.read_line();
    CHECK(has(ack, R"("calls")"));
    CHECK_FALSE(has(ack, R"("values")"));
    hub.stop();
  }
  HubProcess hub(directory, {});
  RawClient client(hub.socket());
  client.send_line(hello_line("k", {"t"}));
  client.expect_line_with(R"("values")");
  client.close();
  hub.stop();
}

TEST_CASE("A hub does not exit for want of clients while it alone has a value", "[idle]") {
  HubProcess hub({"--idle-exit", "100ms"});
  {
    ValueClient client(hub.socket());
    client.must_put("k", "1", R"(,"durable":"memory")");
  }
  // Another one that begins to be idle later tells that it was long enough.
  HubProcess other({"--idle-exit", "200ms"});
  ValueClient(other.socket()).get("k");
  other.expect_clean_exit();
  CHECK(hub.running());
  ValueClient(hub.socket()).must_delete("k");
  hub.expect_clean_exit();
}

TEST_CASE("A hub whose values are stored exits when it is idle", "[idle]") {
  Place place;
  HubProcess hub(place.directory, place.arguments({"--idle-exit", "100ms"}));
  ValueClient(hub.socket()).must_put("k", "1");
  hub.expect_clean_exit();
}
