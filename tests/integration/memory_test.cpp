// The real hub driven to the limit of every pool at once: its resident memory stays below what it promised,
// and all that clients made it hold is given back when they go.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;

namespace {

using Pool = StatusResponse::Memory::Pool;

const Pool& pool(const StatusResponse& status, const std::string& name) {
  auto at = std::find_if(status.memory.pools.begin(), status.memory.pools.end(),
                         [&](const Pool& each) { return each.pool == name; });
  REQUIRE(at != status.memory.pools.end());
  return *at;
}

std::string event_part(const std::string& type, size_t payload_bytes) {
  return R"({"type":"event","event_type":")" + type + R"(","payload":")" + std::string(payload_bytes, 'x');
}

std::string long_types(int salt) {
  std::string types;
  for (int i = 0; i < 256; ++i) {
    std::string name = std::to_string(salt) + "." + std::to_string(i) + ".";
    types += (i == 0 ? "\"" : ",\"") + name + std::string(250 - name.size(), 'a') + "\"";
  }
  return types;
}

class Siege {
 public:
  Siege() : hub_({"--memory", "192MiB", "--max-connections", "600", "--log-level", "error"}) {}

  // Calls `step` until the pool has refused something.
  void fill(const std::string& name, const std::function<void(int)>& step) {
    for (int i = 0; i < 4000; ++i) {
      step(i);
      if (i % 4 != 3) continue;
      StatusResponse status = check(name);
      if (pool(status, name).refused > 0) {
        std::printf("%-14s %9llu of %9llu bytes, resident %llu\n", name.c_str(),
                    static_cast<unsigned long long>(pool(status, name).used_bytes),
                    static_cast<unsigned long long>(pool(status, name).limit_bytes),
                    static_cast<unsigned long long>(status.memory.resident_bytes));
        CHECK(pool(status, name).peak_bytes > pool(status, name).limit_bytes / 100 * 85);
        return;
      }
    }
    FAIL(name << " was never used up");
  }

  RawClient& client() { return clients_.emplace_back(hub_.socket()); }
  RawClient source(const std::string& name) {
    RawClient client(hub_.socket());
    client.send_line(
        R"({"type":"hello","pid":1,"event_key":"","event_types":null,"version":"v1","role":"source","source":")" +
        name + "\"}");
    client.read_as<HelloAck>();
    return client;
  }
  void keep(RawClient client) { clients_.push_back(std::move(client)); }

  StatusResponse check(const std::string& when) {
    StatusResponse status = hub_.status();
    CAPTURE(when);
    REQUIRE(status.memory.limit_bytes == 192U << 20U);
    REQUIRE(status.memory.resident_bytes > 0);
    // AddressSanitizer keeps what was freed, and shadows the rest: what is resident says nothing of the hub
    // then.
    if (!kSlowBuild) REQUIRE(status.memory.resident_bytes < status.memory.limit_bytes);
    return status;
  }
  void let_go() {
    clients_.clear();
    hub_.wait_for_status([](const StatusResponse& status) {
      return status.users.size() == 1 && status.users[0].connections == 1;
    });
  }
  HubProcess& hub() { return hub_; }

 private:
  HubProcess hub_;
  std::vector<RawClient> clients_;
};

}  // namespace

TEST_CASE("A hub whose every pool is used up stays below the memory that it promised", "[siege]") {
  Siege siege;
  siege.fill("subscriptions", [&](int i) {
    RawClient& client = siege.client();
    client.send_line(R"({"type":"hello","pid":1,"event_key":"k","event_types":[)" + long_types(i) +
                     R"(],"version":"v1"})");
    client.read_as<HelloAck>();
  });
  siege.fill("event_ids", [&](int i) {
    RawClient source = siege.source("ids" + std::to_string(i));
    std::string burst;
    for (int n = 0; n < 10'000; ++n) {
      burst += R"({"type":"event","event_type":"nobody","event_id":")" + std::to_string(n) + "\"}\n";
    }
    source.send(burst);
    source.round_trip();
    siege.keep(std::move(source));
  });
  // Some get many small events, some few large ones; none reads.
  RawClient source = siege.source("loud");
  siege.fill("queues", [&](int i) {
    std::string type = "q" + std::to_string(i);
    siege.client().hello(type, {type});
    bool small = i % 2 == 0;
    std::string event = event_part(type, small ? 100 : 300'000) + "\"}\n";
    std::string burst;
    for (int n = 0; n < (small ? 4000 : 8); ++n) burst += event;
    for (int n = 0; n < 4; ++n) source.send(burst);
    source.round_trip();
  });
  // Not before the queues: what a turn has no time for is charged here too, and how much that is depends on
  // the machine.
  siege.fill("unfinished", [&](int i) {
    RawClient begun = siege.source("u" + std::to_string(i));
    begun.send(event_part("t", 900'000));
    siege.keep(std::move(begun));
  });
  siege.fill("handshaking", [&](int) { siege.client().send(event_part("t", 900'000)); });
  siege.check("at the end");
  StatusResponse full = siege.hub().status();
  size_t used = 0;
  for (const Pool& each : full.memory.pools) used += each.used_bytes;
  std::printf("in all %zu bytes in pools, resident %llu, promised %llu\n", used,
              static_cast<unsigned long long>(full.memory.resident_bytes),
              static_cast<unsigned long long>(full.memory.limit_bytes));

  source.close();
  siege.let_go();
  StatusResponse after = siege.hub().status();
  for (const char* name : {"unfinished", "handshaking", "queues", "subscriptions"}) {
    CAPTURE(name);
    CHECK(pool(after, name).used_bytes == 0);
  }
}

TEST_CASE("Status shows how long the hub was busy at a time, and who takes what", "[vitals]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  consumer.send("{\"type\":\"event\",");
  hub.wait_for_status([](const StatusResponse& status) {
    return status.users.size() == 1 && status.users[0].unfinished_bytes > 0;
  });
  StatusResponse status = hub.status();
  CHECK(status.users[0].connections == 2);
  CHECK(status.memory.limit_bytes == 512U << 20U);
  CHECK(status.memory.pools.size() == 8);
  uint64_t sum = 0;
  for (const auto& bucket : status.callbacks.histogram) sum += bucket.count;
  CHECK(sum == status.callbacks.count);
  CHECK(sum > 0);
  CHECK(status.callbacks.histogram.size() == 8);
  CHECK(status.callbacks.histogram.back().up_to_us == 0);
  CHECK(status.callbacks.longest_us > 0);
  CHECK(status.callbacks.longest_elapsed_us >= status.callbacks.longest_us);
}

TEST_CASE("Memory that is too little for the connections is a usage error that says how much it takes",
          "[usage]") {
  RunResult result = run(busd_program(), {"--check-config", "--memory", "64MiB"});
  CHECK(result.status == ExitStatus{64, 0});
  CHECK(result.errors.find("memory 64MiB is too little for max-connections 4096: give at least") !=
        std::string::npos);
  CHECK(run(busd_program(), {"--check-config", "--memory", "192MiB", "--max-connections", "600"}).status ==
        ExitStatus{0, 0});
}
