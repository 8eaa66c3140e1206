// Lets the n-th call of a hub's store fail, as faults_test.cpp does with the others: while the store is made, is written to, is opened
// and is closed.
//
// After each run: no crash; every put was answered, by its result or by `store` with the reason; what was refused is not seen; events went
// on; and the next hub has everything that was said to be stored, sets nothing aside, gives no version again, and stores again.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

#include "protocol/base/strings.h"
#include "tests/faults/faulty_hub.h"
#include "tests/faults/stage.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/slow.h"

namespace bus::test {

namespace {

constexpr uint64_t kPuts = 7;
constexpr uint64_t kKeys = 3;

// Of a put that was tried.
struct Put {
  uint64_t number = 0;  // its value
  uint64_t version = 0;
};

std::string key_of(uint64_t number) { return "k" + std::to_string(number % kKeys); }

// The number that stands at `"name":`, or nothing.
std::optional<uint64_t> number_at(const std::string& line, const std::string& name) {
  size_t at = line.find("\"" + name + "\":");
  if (at == std::string::npos) return std::nullopt;
  at += name.size() + 3;
  return parse_u64(std::string_view(line).substr(at, line.find_first_not_of("0123456789", at) - at));
}

// A store, the hubs that have it one after the other, and what was promised of it.
class Story {
 public:
  explicit Story(FaultyHub& hub, size_t run)
      : hub_(hub), path_(hub.file("s" + std::to_string(run) + "/v.values")) {
    hub_.keep_values(path_);
  }
  ~Story() { std::filesystem::remove_all(std::filesystem::path(path_).parent_path()); }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  // By a hub in which nothing fails.
  void begin(bool is_killed) {
    hub_.start_well();
    put_some();
    REQUIRE(stored_.size() == kKeys);
    if (is_killed) hub_.kill();
    if (!is_killed) hub_.stop();
  }

  // Puts and events beside each other; false: the connection has ended.
  bool put_some() {
    Stage stage(hub_.socket());
    Stage::Client& consumer = stage.join("c");
    Stage::Client& client = stage.enter();
    for (uint64_t i = 1; i <= kPuts; ++i) {
      stage.say(client, event_line(i, 20));
      put(stage, client, i % 3 == 0 ? "power" : "process");
    }
    std::string last =
        ask(stage, client, R"({"type":"put","id":"m","key":"m","durable":"memory","value":1})");
    if (!last.empty() && last.find("\"result\"") == std::string::npos)
      FAIL("a put in memory failed: " << last);
    bool all = stage.await(
        consumer, [](const Stage::Client& c) { return c.events == kPuts; }, "the events");
    look(stage, client);
    return all && client.open();
  }

  // The next hub, with nothing failing: it has all, and stores again.
  void check() {
    hub_.start_well();
    {
      Stage stage(hub_.socket());
      Stage::Client& client = stage.enter();
      for (const auto& [key, least] : stored_) {
        std::string answer = get(stage, client, key);
        INFO(key << ": " << answer << ", and " << least.number << " was stored");
        auto number = number_at(answer, "value");
        REQUIRE(number);
        CHECK(*number >= least.number);
        CHECK(*number <= tried_);
      }
      // One that was refused may be there all the same, but not its version twice.
      uint64_t refused_before = refused_;
      for (uint64_t i = 0; i < kKeys; ++i) put(stage, client, "power");
      CHECK(refused_ == refused_before);
    }
    hub_.stop();
    CHECK_FALSE(std::filesystem::exists(path_ + ".corrupt-1"));
  }

  uint64_t refused() const { return refused_; }

  // Which values are seen are those that were answered. A store that could not be read shows none.
  void look(Stage& stage, Stage::Client& client, bool may_be_hidden = false) {
    for (const auto& [key, put] : stored_) {
      std::string answer = get(stage, client, key);
      if (answer.empty()) return;
      if (may_be_hidden && answer.find("not_found") != std::string::npos) continue;
      INFO(answer);
      CHECK(number_at(answer, "value") == put.number);
    }
  }

 private:
  // Empty: the connection has ended.
  static std::string ask(Stage& stage, Stage::Client& client, const std::string& line) {
    size_t answered = client.replies.size();
    stage.say(client, line + "\n");
    return stage.await_reply(client, answered + 1, line.c_str()) ? client.replies.back() : std::string();
  }
  static std::string get(Stage& stage, Stage::Client& client, const std::string& key) {
    return ask(stage, client, R"({"type":"get","id":"g","key":")" + key + "\"}");
  }

  void put(Stage& stage, Stage::Client& client, const char* durable) {
    uint64_t number = ++tried_;
    std::string key = key_of(number);
    std::string answer = ask(stage, client,
                             R"({"type":"put","id":"p","key":")" + key + R"(","durable":")" + durable +
                                 R"(","value":)" + std::to_string(number) + "}");
    if (answer.empty()) return;
    INFO(answer);
    if (auto version = number_at(answer, "version");
        version && answer.find("\"result\"") != std::string::npos) {
      CHECK(*version > stored_[key].version);
      stored_[key] = {number, *version};
      return;
    }
    ++refused_;
    CHECK(answer.find(R"("code":"store")") != std::string::npos);
    CHECK(answer.find("values in ") != std::string::npos);
  }

  FaultyHub& hub_;
  std::string path_;
  std::map<std::string, Put> stored_;
  uint64_t tried_ = 0;
  uint64_t refused_ = 0;
};

struct Row {
  FaultCall call;
  std::vector<int> errors;
};

// What the store calls; the first ones are not called by anything else of a hub that serves.
const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {FAULT_pwrite, {ENOSPC, EIO}}, {FAULT_fsync, {ENOSPC, EIO}}, {FAULT_fallocate, {ENOSPC}},
      {FAULT_rename, {ENOSPC}},      {FAULT_pread, {EIO}},         {FAULT_ftruncate, {EIO}},
      {FAULT_mmap, {ENOMEM}},        {FAULT_mkdir, {ENOSPC}},      {FAULT_flock, {ENOLCK}},
      {FAULT_fchmod, {EIO}},         {FAULT_open, {ENOSPC}},       {FAULT_lstat, {EACCES}}};
  return kRows;
}

// A disk that is full, or breaks, stays so.
bool may_last(FaultCall call) { return call == FAULT_pwrite || call == FAULT_fsync || call == FAULT_pread; }

using Once = std::function<void(const Fault& fault, Story& story)>;

// As until_none_fails() of faults_test.cpp, each with a store of its own.
void each_fault(const char* name, FaultyHub& hub, const Once& once) {
  constexpr uint64_t kStride = kSlowBuild ? 5 : 1;
  size_t runs = 0;
  size_t faults = 0;
  for (const Row& row : rows()) {
    for (int error : row.errors) {
      for (bool all : {false, true}) {
        if (all && !may_last(row.call)) continue;
        Fault fault{row.call, error, 1, all};
        for (int without = 0; without < 2; fault.nth += kStride) {
          INFO(fault.text());
          {
            Story story(hub, ++runs);
            once(fault, story);
          }
          bool has_failed = hub.failed() > 0;
          faults += has_failed ? 1 : 0;
          without = has_failed ? 0 : without + 1;
          if (hub.calls(row.call) == 0) break;
        }
      }
    }
  }
  std::printf("%s: %zu runs, %zu with a fault\n", name, runs, faults);
  CHECK(faults > 10);
}

bool every_second(const Fault& fault) { return fault.nth % 2 == 0; }

// A hub that serves may not end of what its store meets.
void serve_under(FaultyHub& hub, const Fault& fault, Story& story) {
  hub.start_well();
  hub.arm(fault);
  story.put_some();
  bool handed_over = !hub.survived();
  // By an lstat that fails it may see that its own directory is gone.
  if (handed_over && fault.call != FAULT_lstat) FAIL("busd may not end of this");
  if (!handed_over && every_second(fault)) hub.kill();
  if (!handed_over && !every_second(fault)) hub.stop();
  story.check();
}

}  // namespace

TEST_CASE("Whatever call fails while the store is made, what is answered is stored, and all else goes on",
          "[values-make]") {
  FaultyHub hub;
  uint64_t refused = 0;
  each_fault("values-make", hub, [&](const Fault& fault, Story& story) {
    serve_under(hub, fault, story);
    refused += story.refused();
  });
  CHECK(refused > 0);
}

TEST_CASE(
    "Whatever call fails while the store is written to, what is answered is stored, and all else goes on",
    "[values-serve]") {
  FaultyHub hub;
  uint64_t refused = 0;
  each_fault("values-serve", hub, [&](const Fault& fault, Story& story) {
    story.begin(every_second(fault));
    serve_under(hub, fault, story);
    refused += story.refused();
  });
  CHECK(refused > 0);
}

TEST_CASE("Whatever call fails while the store is opened, nothing of it is lost, and nothing is set aside",
          "[values-start]") {
  FaultyHub hub;
  each_fault("values-start", hub, [&](const Fault& fault, Story& story) {
    story.begin(every_second(fault));
    if (hub.start(&fault) && hub.survived()) {
      {
        Stage stage(hub.socket());
        story.look(stage, stage.enter(), true);
      }
      if (every_second(fault)) hub.kill();
      if (!every_second(fault)) hub.stop();
    }
    story.check();
  });
}

TEST_CASE("Whatever call fails while the store is closed, nothing of it is lost", "[values-stop]") {
  FaultyHub hub;
  each_fault("values-stop", hub, [&](const Fault& fault, Story& story) {
    hub.start_well();
    story.put_some();
    hub.arm(fault);
    Fd process = watch_process(hub.pid());
    hub.signal(SIGTERM);
    pollfd ended{process.get(), POLLIN, 0};
    if (::poll(&ended, 1, static_cast<int>(to_ms(kPatience))) != 1) FAIL("the hub does not end");
    hub.expect_end();
    story.check();
  });
}

}  // namespace bus::test
