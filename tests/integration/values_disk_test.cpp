// A disk that is slow or hangs: only those wait who wait for it.
#include "tests/integration/values_support.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr const char* kPower = R"(,"durable":"power")";
constexpr const char* kMemory = R"(,"durable":"memory")";

// A hub with a store that has been used, on a disk of the test's.
struct Rig {
  TempDir directory;
  std::vector<std::string> arguments = {"--values", directory.file("v.values")};
  Disk disk;
  HubProcess hub{directory, arguments, disk.options()};

  Rig() { ValueClient(hub.socket()).must_put("first", "1"); }
};

// The events 1 to `count` through the hub, and each arrives.
void pass_events(HubProcess& hub, uint64_t count) {
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  RawClient source(hub.socket());
  for (uint64_t i = 1; i <= count; ++i) {
    source.send_line(R"({"type":"event","event_type":"t","payload":)" + std::to_string(i) + "}");
    Event event = consumer.read_as<Event>();
    REQUIRE(event.payload == std::to_string(i));
    REQUIRE(event.seq == i);
  }
}

}  // namespace

TEST_CASE("While the disk hangs, events, gets, watches and puts in memory go on, and one put waits",
          "[hangs]") {
  Rig rig;
  ValueClient waiting(rig.hub.socket());
  rig.disk.hang();
  waiting.send_put("slow", "1", kPower);
  rig.disk.wait_for_a_call();
  ValueClient waiting_too(rig.hub.socket());
  waiting_too.send_put("slow.too", "1");
  waiting_too.raw().send_line(R"({"type":"get","id":"g","key":"slow.too"})");

  pass_events(rig.hub, 1000);
  ValueClient client(rig.hub.socket());
  ValueClient watcher(rig.hub.socket());
  watcher.watch("m.*");
  for (uint64_t i = 1; i <= 1000; ++i) {
    CHECK(client.must_put("m.k", std::to_string(i), kMemory) == i);
    CHECK(has(watcher.raw().read_line(), "\"value\":" + std::to_string(i) + "}"));
    CHECK(has(client.get("first"), R"("value":1)"));
  }
  // What is not committed is seen by nobody.
  CHECK(has(client.get("slow"), R"("code":"not_found")"));
  CHECK(waiting.raw().quiet());
  CHECK(waiting_too.raw().quiet());

  rig.disk.go_on();
  waiting.raw().expect_line_with(R"("result":{"version":1)");
  waiting_too.raw().expect_line_with(R"("result":{"version":1)");
  waiting_too.raw().expect_line_with(R"("value":1)");
  CHECK(has(client.get("slow"), R"("value":1)"));
  rig.hub.stop();
}

TEST_CASE("With a second for every write and fsync of the store, no turn is long, and no event is lost",
          "[slow]") {
  Rig rig;
  rig.disk.set_delay(seconds(1));
  std::vector<ValueClient> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back(rig.hub.socket());
    writers.back().send_put("w." + std::to_string(i), "1", kPower);
  }
  pass_events(rig.hub, 1000);
  ValueClient client(rig.hub.socket());
  for (uint64_t i = 1; i <= 1000; ++i) CHECK(client.must_put("m", std::to_string(i), kMemory) == i);
  for (ValueClient& writer : writers) writer.raw().expect_line_with(R"("result":{"version":1)");
  // One that had waited for the disk would have taken as long.
  CHECK(rig.hub.status().callbacks.longest_elapsed_us < 1'000'000);
  rig.disk.set_delay(seconds(0));
  rig.hub.stop();
}

TEST_CASE("Many puts that waited for one disk are all answered", "[hangs]") {
  Rig rig;
  rig.disk.hang();
  ValueClient first(rig.hub.socket());
  first.send_put("first", "2", kPower);
  rig.disk.wait_for_a_call();
  constexpr int kClients = 20;
  constexpr int kPuts = 500;
  std::vector<RawClient> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(rig.hub.socket());
    for (int put = 0; put < kPuts; ++put)
      clients.back().send_line(R"({"type":"put","id":"p","key":"k.)" + std::to_string(i) + "." +
                               std::to_string(put % 50) + R"(","value":1})");
  }
  pass_events(rig.hub, 10);
  rig.disk.go_on();
  for (RawClient& client : clients) {
    for (int put = 0; put < kPuts; ++put) client.expect_line_with(R"("result":{"version":)");
  }
  rig.hub.stop();
}

TEST_CASE("A disk that hangs holds up the end of a hub for seconds, and not for ever", "[stop]") {
  Rig rig;
  rig.disk.hang();
  ValueClient client(rig.hub.socket());
  client.send_put("slow", "1", kPower);
  rig.disk.wait_for_a_call();
  rig.hub.stop();
  INFO(rig.hub.log());
  CHECK(has(rig.hub.log(), "the disk is too slow"));
  rig.disk.go_on();
  HubProcess next(rig.directory, rig.arguments);
  CHECK(has(ValueClient(next.socket()).get("first"), R"("value":1)"));
  next.stop();
}

TEST_CASE("What was put before the hub was told to end is stored before it ends", "[stop]") {
  Rig rig;
  rig.disk.hang();
  ValueClient client(rig.hub.socket());
  client.send_put("late", "1");
  rig.disk.wait_for_a_call();
  REQUIRE(::kill(rig.hub.pid(), SIGTERM) == 0);
  rig.hub.wait_for_log("stopping");
  rig.disk.go_on();
  rig.hub.expect_clean_exit();
  CHECK_FALSE(has(rig.hub.log(), "no clean end"));
  HubProcess next(rig.directory, rig.arguments);
  CHECK(has(ValueClient(next.socket()).get("late"), R"("value":1)"));
  next.stop();
}
