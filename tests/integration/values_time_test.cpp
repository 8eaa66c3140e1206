// How long a value lives: over restarts, wall clocks that are set, and a machine that sleeps.
#include "tests/integration/values_support.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kYear = 365 * 24 * kHour;
constexpr const char* kOneHour = R"(,"ttl_ms":3600000)";

// What is left of an hour, of which `passed_sec` have passed, and some more for a slow machine.
bool is_left(uint64_t ttl_ms, int64_t passed_sec) {
  int64_t left_ms = 3'600'000 - passed_sec * 1000;
  return static_cast<int64_t>(ttl_ms) <= left_ms && static_cast<int64_t>(ttl_ms) > left_ms - 60'000;
}

}  // namespace

TEST_CASE("A value expires while the machine sleeps, and watchers are told when it wakes", "[sleep]") {
  Clocks clocks;
  HubProcess hub({}, clocks.options());
  ValueClient client(hub.socket());
  client.must_put("k", "1", kOneHour);
  CHECK(is_left(number_in(client.get("k"), "ttl_ms"), 0));
  ValueClient watcher(hub.socket());
  CHECK(watcher.watch("k").size() == 2);
  clocks.sleep(hub, 30 * kMinute);
  std::string answer = client.get("k");
  CHECK(is_left(number_in(answer, "ttl_ms"), 30 * kMinute));
  CHECK(number_in(answer, "age_ms") >= 30 * kMinute * 1000);
  CHECK(watcher.raw().quiet());
  clocks.sleep(hub, 31 * kMinute);
  // Nobody asks: the hub's own timer has woken it.
  std::string end = watcher.raw().read_line();
  CHECK(has(end, R"("deleted":true,"expired":true)"));
  CHECK(number_in(end, "version") == 2);
  CHECK(has(client.get("k"), R"("code":"not_found")"));
  hub.stop();
}

TEST_CASE("The first of several times wakes the hub, whichever was set last", "[sleep]") {
  Clocks clocks;
  HubProcess hub({}, clocks.options());
  ValueClient client(hub.socket());
  client.must_put("late", "1", R"(,"ttl_ms":36000000)");
  client.must_put("early", "1", R"(,"ttl_ms":600000)");
  client.must_put("middle", "1", kOneHour);
  // A put without a time ends an earlier one.
  client.must_put("stays", "1", R"(,"ttl_ms":1000000)");
  client.must_put("stays", "2");
  ValueClient watcher(hub.socket());
  watcher.watch("*");
  clocks.sleep(hub, 11 * kMinute);
  watcher.raw().expect_line_with(R"("key":"early")");
  clocks.sleep(hub, kHour);
  watcher.raw().expect_line_with(R"("key":"middle")");
  clocks.sleep(hub, 10 * kHour);
  watcher.raw().expect_line_with(R"("key":"late")");
  CHECK(has(client.get("stays"), R"("value":2)"));
  hub.stop();
}

TEST_CASE("The time of a value goes on over a restart, and a wall clock that is set does not move it",
          "[restart]") {
  TempDir directory;
  std::vector<std::string> arguments = {"--values", directory.file("v.values")};
  Clocks clocks;
  {
    HubProcess hub(directory, arguments, clocks.options());
    ValueClient(hub.socket()).must_put("k", "1", kOneHour);
    ValueClient(hub.socket()).must_put("for.ever", "1");
    hub.stop();
  }
  int64_t passed = 0;
  for (int64_t wall : {3 * kYear, -3 * kYear, int64_t{0}}) {
    INFO("the wall clock is ahead by " << wall << " s");
    clocks.set_wall_ahead(wall);
    clocks.pass(10 * kMinute);
    passed += 10 * kMinute;
    HubProcess hub(directory, arguments, clocks.options());
    std::string answer = ValueClient(hub.socket()).get("k");
    CHECK(is_left(number_in(answer, "ttl_ms"), passed));
    CHECK(number_in(answer, "version") == 1);
    // Also while it runs.
    clocks.set_wall_ahead(-wall);
    CHECK(is_left(number_in(ValueClient(hub.socket()).get("k"), "ttl_ms"), passed));
    hub.stop();
  }
  clocks.pass(kHour);
  HubProcess hub(directory, arguments, clocks.options());
  ValueClient client(hub.socket());
  CHECK(has(client.get("k"), R"("code":"not_found")"));
  CHECK(has(client.get("for.ever"), R"("value":1)"));
  // The expiry was a change, with a version.
  CHECK(client.must_put("k", "2") == 3);
  hub.stop();
}

TEST_CASE("A SIGKILL does not lengthen the time of a value", "[restart]") {
  TempDir directory;
  std::vector<std::string> arguments = {"--values", directory.file("v.values")};
  Clocks clocks;
  for (int64_t passed = 0; passed < 40 * kMinute; passed += 10 * kMinute) {
    HubProcess hub(directory, arguments, clocks.options());
    ValueClient client(hub.socket());
    if (passed == 0) client.must_put("k", "1", kOneHour);
    CHECK(is_left(number_in(client.get("k"), "ttl_ms"), passed));
    hub.kill();
    clocks.pass(10 * kMinute);
  }
}

TEST_CASE("A wall clock that jumps by years at each look ends no value before its time, nor keeps it beyond",
          "[wall]") {
  ChildOptions options = preloaded(BUSD_CLOCK_JUMP, "BUSD_UNUSED", "");
  HubProcess hub({}, options);
  ValueClient watcher(hub.socket());
  watcher.watch("k");
  ValueClient client(hub.socket());
  TimePoint before = now();
  client.must_put("k", "1", R"(,"ttl_ms":300)");
  watcher.raw().expect_line_with(R"("version":1)");
  watcher.raw().expect_line_with(R"("expired":true)");
  CHECK(now() - before >= milliseconds(300));
  hub.stop();
}
