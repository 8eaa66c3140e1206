// A store that cannot be had, or fails while the hub runs: it serves all the same, and says why it stores nothing.
#include <cerrno>
#include <fstream>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "protocol/base/file.h"
#include "tests/integration/values_support.h"

using namespace bus;
using namespace bus::test;

namespace {

// The hub serves without its store, and says so with this text, in its log and to a put that needs the store.
void expect_no_store(HubProcess& hub, const std::string& text) {
  hub.wait_for_log("level=error");
  INFO(hub.log());
  CHECK(has(hub.log(), "values are not stored"));
  CHECK(has(hub.log(), text));
  ValueClient client(hub.socket());
  std::string refusal = client.put("k", "1", R"(,"durable":"process")");
  CHECK(has(refusal, R"("code":"store")"));
  CHECK(has(refusal, text));
  // Whatever was there before, this one is in memory.
  uint64_t version = client.must_put("k", "2", R"(,"durable":"memory")");
  std::string answer = client.get("k");
  CHECK(has(answer, R"("value":2)"));
  CHECK(number_in(answer, "version") == version);
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

std::string contents(const std::string& path) {
  auto text = read_file(path, 10'000'000);
  REQUIRE(text);
  return *text;
}

// A directory in which a hub with these options can write nothing: root needs a file system that is read-only for that.
class ReadOnly {
 public:
  ReadOnly() { REQUIRE(::mkdir(path().c_str(), 0700) == 0); }
  ~ReadOnly() { open_again(); }
  void open_again() { ::chmod(path().c_str(), 0700); }
  std::string path() const { return directory_.file("closed"); }
  const char* reason() const { return ::geteuid() == 0 ? "Read-only file system" : "Permission denied"; }
  ChildOptions options() const {
    ChildOptions out;
    out.in_child = [path = path()] {
      // For the hub alone.
      bool is_closed =
          ::geteuid() != 0
              ? ::chmod(path.c_str(), 0500) == 0
              : ::unshare(CLONE_NEWNS) == 0 &&
                    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                    ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
      if (!is_closed) ::_exit(77);
    };
    return out;
  }
  // Root of a container may not be able to mount anything.
  bool is_possible() const {
    ChildOptions probe = options();
    probe.in_child = [close = probe.in_child] {
      close();
      ::_exit(0);
    };
    if (run("/bin/true", {}, std::move(probe)).status.code == 0) return true;
    WARN("skipped: nothing can be mounted here");
    return false;
  }

 private:
  TempDir directory_;
};

}  // namespace

TEST_CASE("A second hub on one store serves without it, and the first one is not disturbed", "[place]") {
  TempDir directory;
  TempDir second_place;
  std::string store = directory.file("v.values");
  HubProcess first(directory, {"--values", store});
  ValueClient client(first.socket());
  client.must_put("k", "1");
  {
    HubProcess second(second_place, {"--values", store});
    expect_no_store(second, "another hub keeps its values there");
    second.stop();
  }
  CHECK(client.must_put("k", "2") == 2);
  CHECK(has(client.get("k"), R"("value":2)"));
  first.stop();
  // The next one has it.
  HubProcess next(second_place, {"--values", store});
  CHECK(number_in(ValueClient(next.socket()).get("k"), "version") == 2);
  next.stop();
}

TEST_CASE("A directory that others may write to is not used", "[place]") {
  TempDir directory;
  REQUIRE(::mkdir(directory.file("open").c_str(), 0700) == 0);
  REQUIRE(::chmod(directory.file("open").c_str(), 0777) == 0);
  HubProcess hub({"--values", directory.file("open/v.values")});
  expect_no_store(hub, "others may write");
  hub.stop();
  CHECK_FALSE(exists(directory.file("open/v.values")));
}

TEST_CASE("A directory in which nothing can be made is not used", "[place]") {
  ReadOnly place;
  if (!place.is_possible()) return;
  HubProcess hub({"--values", place.path() + "/v.values"}, place.options());
  expect_no_store(hub, place.reason());
  hub.stop();
  CHECK_FALSE(exists(place.path() + "/v.values"));
}

TEST_CASE(
    "Where nothing can be written, values can be read and watched, and puts that need the store are refused",
    "[place]") {
  ReadOnly place;
  if (!place.is_possible()) return;
  place.open_again();
  std::string store = place.path() + "/v.values";
  std::string epoch;
  {
    HubProcess hub({"--values", store});
    ValueClient client(hub.socket());
    client.must_put("a", "1");
    client.must_put("b", "2");
    epoch = text_in(client.watch("a").back(), "epoch");
    hub.stop();
  }
  std::string bytes = contents(store);
  {
    HubProcess hub({"--values", store}, place.options());
    hub.wait_for_log("values are not stored");
    CHECK(has(hub.log(), "can be read"));
    ValueClient client(hub.socket());
    CHECK(has(client.get("a"), R"("value":1)"));
    std::vector<std::string> lines = client.watch("*");
    CHECK(lines.size() == 3);
    CHECK(text_in(lines.back(), "epoch") != epoch);
    ValueClient writer(hub.socket());
    for (const char* more : {"", R"(,"durable":"process")", R"(,"durable":"memory")"}) {
      std::string refusal = writer.put("a", "3", more);
      CHECK(has(refusal, R"("code":"store")"));
      CHECK(has(refusal, place.reason()));
    }
    CHECK(writer.must_put("c", "3", R"(,"durable":"memory")") == 1);
    client.raw().expect_line_with(R"("key":"c")");
    hub.stop();
    CHECK(contents(store) == bytes);
  }
  // Where it can be written, all is as before.
  place.open_again();
  HubProcess hub({"--values", store});
  ValueClient client(hub.socket());
  CHECK(text_in(client.watch("a").back(), "epoch") == epoch);
  CHECK(ValueClient(hub.socket()).must_put("a", "3") == 2);
  hub.stop();
}

TEST_CASE(
    "Where nothing can be written, a store with a log that must be read first is not used, and is left alone",
    "[place]") {
  ReadOnly place;
  if (!place.is_possible()) return;
  place.open_again();
  std::string store = place.path() + "/v.values";
  {
    HubProcess hub({"--values", store});
    ValueClient(hub.socket()).must_put("a", "1");
    hub.kill();
  }
  {
    HubProcess hub({"--values", store}, place.options());
    expect_no_store(hub, "has changes that cannot be read where nothing can be written");
    hub.stop();
  }
  place.open_again();
  HubProcess hub({"--values", store});
  CHECK(has(ValueClient(hub.socket()).get("a"), R"("value":1)"));
  hub.stop();
}

TEST_CASE("A symlink at the path of the store, or of its log, is refused, and what it leads to is left alone",
          "[place]") {
  for (const char* ending : {"", "-wal", "-run"}) {
    INFO(ending);
    TempDir directory;
    std::ofstream(directory.file("target")) << "precious";
    REQUIRE(::chmod(directory.file("target").c_str(), 0600) == 0);
    std::string link = directory.file("v.values") + ending;
    REQUIRE(::symlink(directory.file("target").c_str(), link.c_str()) == 0);
    HubProcess hub({"--values", directory.file("v.values")});
    expect_no_store(hub, "is a symlink");
    hub.stop();
    CHECK(contents(directory.file("target")) == "precious");
  }
}

TEST_CASE("A damaged store is set aside and never deleted, and the hub begins a new one under a new epoch",
          "[damage]") {
  TempDir directory;
  std::string store = directory.file("v.values");
  std::string epoch;
  {
    HubProcess hub(directory, {"--values", store});
    ValueClient client(hub.socket());
    for (int i = 0; i < 200; ++i) client.must_put("k." + std::to_string(i), R"("some text that is stored")");
    epoch = text_in(client.watch("*", R"(,"snapshot":false)").back(), "epoch");
    hub.stop();
  }
  // In the middle of a page, where a row is.
  std::string bytes = contents(store);
  size_t at = bytes.find("some text that is stored", bytes.size() / 2);
  REQUIRE(at != std::string::npos);
  bytes[at] = 'S';
  std::ofstream(store, std::ios::binary | std::ios::trunc) << bytes;
  {
    HubProcess hub(directory, {"--values", store});
    hub.wait_for_log("level=error");
    CHECK(has(hub.log(), "the store of values was damaged"));
    CHECK(has(hub.log(), "v.values.corrupt-1"));
    CHECK(contents(store + ".corrupt-1") == bytes);
    ValueClient client(hub.socket());
    CHECK(has(client.get("k.1"), R"("code":"not_found")"));
    // No version that was given before is given again.
    CHECK(client.must_put("k.1", "1") > 1);
    CHECK(text_in(client.watch("*", R"(,"snapshot":false)").back(), "epoch") != epoch);
    hub.stop();
  }
  CHECK(contents(store + ".corrupt-1") == bytes);
  HubProcess hub(directory, {"--values", store});
  CHECK(has(ValueClient(hub.socket()).get("k.1"), R"("value":1)"));
  hub.stop();
}

TEST_CASE(
    "A log that was damaged under a hub that was killed is set aside, loud, and nothing is rolled back "
    "silently",
    "[damage]") {
  TempDir directory;
  std::string store = directory.file("v.values");
  std::string epoch;
  {
    HubProcess hub(directory, {"--values", store});
    ValueClient client(hub.socket());
    for (int i = 0; i < 20; ++i) client.must_put("k", std::to_string(i));
    epoch = text_in(client.watch("k").back(), "epoch");
    hub.kill();
  }
  std::string log = contents(store + "-wal");
  log[log.size() / 2] = static_cast<char>(log[log.size() / 2] ^ 1);
  std::ofstream(store + "-wal", std::ios::binary | std::ios::trunc) << log;
  HubProcess hub(directory, {"--values", store});
  hub.wait_for_log("the store of values was damaged");
  CHECK(has(hub.log(), "its log is damaged"));
  CHECK(contents(store + ".corrupt-1-wal") == log);
  ValueClient client(hub.socket());
  CHECK(has(client.get("k"), R"("code":"not_found")"));
  CHECK(text_in(client.watch("k").back(), "epoch") != epoch);
  CHECK(client.must_put("k", "20") > 20);
  hub.stop();
}

TEST_CASE("A file of the store that was removed while no hub ran is missed loudly, and the epoch is new",
          "[damage]") {
  struct Case {
    std::vector<std::string> removed;
    bool is_killed;
    const char* reason;
    bool keeps_values;
  };
  for (const Case& c :
       {Case{{"-wal"}, true, "lacks changes", true},
        Case{{"-run"}, true, "the record of the last hub, is missing", true},
        Case{{"-run"}, false, "the record of the last hub, is missing", true},
        Case{{"", "-wal"}, true, "is missing, though", false}, Case{{""}, false, "is missing, though", false},
        Case{{""}, true, "its log is there", false}}) {
    INFO(c.reason << (c.is_killed ? ", killed" : ""));
    TempDir directory;
    std::string store = directory.file("v.values");
    std::string epoch;
    {
      HubProcess hub(directory, {"--values", store});
      ValueClient(hub.socket()).must_put("k", "1");
      hub.stop();
    }
    {
      HubProcess hub(directory, {"--values", store});
      ValueClient client(hub.socket());
      client.must_put("k", "2");
      epoch = text_in(client.watch("k").back(), "epoch");
      if (c.is_killed) hub.kill();
      if (!c.is_killed) hub.stop();
    }
    for (const std::string& ending : c.removed) REQUIRE(::unlink((store + ending).c_str()) == 0);
    HubProcess hub(directory, {"--values", store});
    hub.wait_for_log(c.reason);
    CHECK((has(hub.log(), "level=warning") || has(hub.log(), "level=error")));
    ValueClient client(hub.socket());
    CHECK(has(client.get("k"), R"("value":)") == c.keeps_values);
    CHECK(text_in(client.watch("k").back(), "epoch") != epoch);
    RawClient status(hub.socket());
    status.send_line(R"({"type":"status_query"})");
    CHECK(has(status.read_line(), c.reason));
    // No version is given again.
    CHECK(ValueClient(hub.socket()).must_put("k", "3") > 2);
    hub.stop();
  }
}

TEST_CASE("Somebody's file at the path of the store is refused, and left as it is", "[place]") {
  TempDir directory;
  std::ofstream(directory.file("notes.txt")) << "precious";
  REQUIRE(::chmod(directory.file("notes.txt").c_str(), 0600) == 0);
  HubProcess hub({"--values", directory.file("notes.txt")});
  expect_no_store(hub, "is no database");
  hub.stop();
  CHECK(contents(directory.file("notes.txt")) == "precious");
  CHECK_FALSE(exists(directory.file("notes.txt-run")));
}

TEST_CASE("When the disk is full, puts that need it are refused, and all else goes on", "[full]") {
  TempDir directory;
  std::string store = directory.file("v.values");
  {
    Disk disk;
    HubProcess hub(directory, {"--values", store}, disk.options());
    ValueClient client(hub.socket());
    client.must_put("old", "1");
    ValueClient watcher(hub.socket());
    watcher.watch("*");
    disk.set_error(ENOSPC);
    std::string refusal = client.put("new", "1");
    CHECK(has(refusal, R"("code":"store")"));
    CHECK(has(refusal, "full"));
    CHECK(has(client.get("new"), R"("code":"not_found")"));
    CHECK(has(client.get("old"), R"("value":1)"));
    CHECK(client.must_put("memory", "1", R"(,"durable":"memory")") == 1);
    watcher.raw().expect_line_with(R"("key":"memory")");
    hub.wait_for_log("values are no longer stored");
    // The kernel forgets what it could not write, so that this run of the hub does not try again.
    disk.set_error(0);
    CHECK(has(client.put("new", "1", R"(,"durable":"process")"), R"("code":"store")"));
    CHECK(has(client.put("old", "2", R"(,"durable":"memory")"), R"("code":"store")"));
    hub.stop();
  }
  HubProcess hub(directory, {"--values", store});
  ValueClient client(hub.socket());
  CHECK(has(client.get("old"), R"("value":1)"));
  CHECK(client.must_put("new", "1") >= 1);
  hub.stop();
}

TEST_CASE(
    "A store whose files are removed under the hub has failed: loud, at once, and no put is said to be "
    "stored",
    "[removed]") {
  for (const char* ending : {"", "-wal", "-run"}) {
    INFO("removed: v.values" << ending);
    TempDir directory;
    std::string store = directory.file("v.values");
    HubProcess hub(directory, {"--values", store});
    ValueClient client(hub.socket());
    client.must_put("old", "1");
    ValueClient watcher(hub.socket());
    watcher.watch("*");
    REQUIRE(::unlink((store + ending).c_str()) == 0);
    // Without a put: the hub looks.
    hub.wait_for_log("values are no longer stored");
    CHECK(has(hub.log(), ending + std::string("\\\" was removed or moved away under the running hub")));
    std::string refusal = client.put("new", "1");
    CHECK(has(refusal, R"("code":"store")"));
    CHECK(has(refusal, "was removed"));
    CHECK(has(refusal, "restart it"));
    CHECK(has(client.get("old"), R"("value":1)"));
    CHECK(client.must_put("memory", "1", R"(,"durable":"memory")") == 1);
    watcher.raw().expect_line_with(R"("key":"memory")");
    hub.stop();
  }
}

TEST_CASE(
    "Whatever becomes of the files of a store, each put that was answered is there or was told to be lost",
    "[removed]") {
  TempDir directory;
  TempDir second_place;
  REQUIRE(::mkdir(directory.file("state").c_str(), 0700) == 0);
  std::string store = directory.file("state/v.values");
  HubProcess first(directory, {"--values", store});
  ValueClient client(first.socket());
  client.must_put("k", "1");
  // Everything is moved away, and a second hub takes the path.
  REQUIRE(::rename(directory.file("state").c_str(), directory.file("old").c_str()) == 0);
  REQUIRE(::mkdir(directory.file("state").c_str(), 0700) == 0);
  HubProcess second(second_place, {"--values", store});
  CHECK(has(ValueClient(second.socket()).get("k"), R"("code":"not_found")"));
  ValueClient(second.socket()).must_put("other", "1");
  // No look in between is needed.
  CHECK(has(client.put("k", "2"), R"("code":"store")"));
  CHECK(has(client.get("k"), R"("value":1)"));
  first.stop();
  second.stop();
  HubProcess next(directory, {"--values", store});
  CHECK(has(ValueClient(next.socket()).get("other"), R"("value":1)"));
  next.stop();
  HubProcess of_old(second_place, {"--values", directory.file("old/v.values")});
  CHECK(has(ValueClient(of_old.socket()).get("k"), R"("value":)"));
  of_old.stop();
}
