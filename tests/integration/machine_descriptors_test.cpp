// A hub that may open 64 descriptors: it says how many connections it can serve, refuses the others, and has
// what it needs to serve those.
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr size_t kDescriptors = 64;
constexpr size_t kServed = 32;

ChildOptions few_descriptors() {
  ChildOptions options;
  options.in_child = [] {
    rlimit limit{kDescriptors, kDescriptors};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  };
  return options;
}

std::vector<RawClient> fill(const HubProcess& hub) {
  std::vector<RawClient> all;
  for (size_t i = 0; i < kServed; ++i) {
    all.emplace_back(hub.socket());
    all.back().hello("k", {"t"});
  }
  return all;
}

void expect_refused(RawClient& client) {
  CHECK(client.read_as<ErrorMessage>().code == ErrorCode::too_many);
  client.expect_eof();
}

std::string large_event(int n) {
  return R"({"type":"event","event_type":"t","payload":")" +
         std::string(50'000, static_cast<char>('a' + n % 26)) + "\"}\n";
}

}  // namespace

TEST_CASE(
    "With 64 descriptors a hub serves 32 connections, refuses all beyond, and takes new ones when some leave",
    "[refuses]") {
  HubProcess hub({}, few_descriptors());
  CHECK(hub.log().find("msg=\"max-connections is lowered") != std::string::npos);
  CHECK(hub.log().find("now=32 limit=64") != std::string::npos);
  CHECK(hub.status().limits.max_connections == kServed);
  std::vector<RawClient> served = fill(hub);
  // More than there are descriptors; none of them reads before all are there, or leaves.
  served[0].send(large_event(0));
  for (RawClient& client : served) CHECK(client.read_as<Event>().seq == 1);
  size_t when_full = open_descriptors(hub.pid());
  CHECK(when_full <= kDescriptors);
  std::vector<RawClient> refused;
  for (size_t i = 0; i < 2 * kDescriptors; ++i) {
    refused.emplace_back(hub.socket());
    refused.back().send_line(hello_line("one too many"));
  }
  for (RawClient& client : refused) expect_refused(client);
  CHECK(hub.running());
  CHECK(hub.status().consumers.size() == kServed);

  for (size_t i = 0; i < kServed / 2; ++i) {
    // Bye and EOF: its place is free now.
    served[i].send_line(R"({"type":"bye"})");
    served[i].expect_eof();
    served[i].close();
    RawClient next(hub.socket());
    next.hello("k", {"t"});
    served[i] = std::move(next);
  }
  RawClient one_more(hub.socket());
  one_more.send_line(hello_line("one too many"));
  expect_refused(one_more);
  served[1].send(large_event(1));
  for (RawClient& client : served) client.expect_line_with("\"seq\":");
  one_more.close();
  // The same connections, so as many descriptors: nothing is left of all the others.
  for (TimePoint deadline = now() + kPatience; open_descriptors(hub.pid()) != when_full;) {
    served[0].round_trip();
    REQUIRE(now() < deadline);
  }
  // One goes, so that there is room to ask.
  served.back().send_line(R"({"type":"bye"})");
  served.back().expect_eof();
  StatusResponse status = hub.status();
  CHECK(status.connections.too_many == 2 * kDescriptors + 1);
  CHECK(status.events.dropped == 0);
  hub.stop();
}

TEST_CASE(
    "A hub with all its connections in use has descriptors left to share pages and to open its log again",
    "[uses]") {
  TempDir directory;
  std::string log = directory.file("hub.log");
  HubProcess hub(directory, {"--log-file", log, "--queue-bytes", "64MiB"}, few_descriptors());
  std::vector<RawClient> served = fill(hub);
  constexpr int kEvents = 20;
  for (int n = 0; n < kEvents; ++n) {
    // Large, and for many at once: the hub shares its pages with their sockets.
    served[0].send(large_event(n));
    for (RawClient& client : served) {
      Event event = client.read_as<Event>();
      CHECK(event.seq == static_cast<uint64_t>(n + 1));
      CHECK(event.payload.size() == 50'002);
      CHECK(event.payload[1] == 'a' + n % 26);
    }
  }
  REQUIRE(::rename(log.c_str(), (log + ".old").c_str()) == 0);
  REQUIRE(::kill(hub.pid(), SIGHUP) == 0);
  // A round trip is a turn of the loop, and in one of the next it has seen the signal.
  struct stat st {};
  for (TimePoint deadline = now() + kPatience; ::stat(log.c_str(), &st) != 0;) {
    served[0].round_trip();
    REQUIRE(now() < deadline);
  }
  hub.stop();
  auto text = read_file(log, 1 << 20);
  REQUIRE(text);
  CHECK(text->find("msg=\"stopped\"") != std::string::npos);
}
