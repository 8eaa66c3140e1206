// A hub that gets no processor: stopped for longer than any deadline of a client, or beside busy loops. It
// drops nobody who met his deadline.
#include <csignal>
#include <cstdio>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr int kCrowd = 50;

// True when nothing arrives at `client` for all of `time`.
bool silent_for(RawClient& client, Duration time) {
  pollfd waiting{client.fd(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(to_ms(time))) == 0;
}

std::string event(int n) {
  return R"({"type":"event","event_type":"t","payload":)" + std::to_string(n) + "}\n";
}

// Uses a processor until it is ended; gone by itself after 60 s of it, whatever becomes of the test.
Child spinner() {
  ChildOptions options;
  options.in_child = [] {
    rlimit limit{60, 60};
    ::setrlimit(RLIMIT_CPU, &limit);
  };
  return Child("/bin/sh", {"-c", "while :; do :; done"}, std::move(options));
}

// Any one processor that this test may use: the hub and the loops share it, however many the machine has.
void crowd_together(const std::vector<pid_t>& pids) {
  cpu_set_t allowed;
  REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  int chosen = 0;
  while (!CPU_ISSET(static_cast<size_t>(chosen), &allowed)) ++chosen;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(chosen), &one);
  for (pid_t pid : pids) REQUIRE(::sched_setaffinity(pid, sizeof one, &one) == 0);
}

}  // namespace

TEST_CASE("A hub stopped for 7 s drops nobody who was in time, and only those who were not", "[stopped]") {
  HubProcess hub;
  RawClient member(hub.socket());
  member.hello("k", {"t"});
  RawClient holder(hub.socket());
  holder.hello("lock");
  holder.send_line(R"({"type":"pre_shutdown_check","event_key":"lock"})");
  CHECK(holder.read_as<PreShutdownAck>().last_for_key);
  // In their handshake when the hub stops.
  std::vector<RawClient> accepted;
  for (int i = 0; i < kCrowd; ++i) accepted.emplace_back(hub.socket());
  RawClient halved(hub.socket());
  std::string hello = hello_line("k", {"t"}) + "\n";
  halved.send(hello.substr(0, hello.size() / 2));
  RawClient silent(hub.socket());
  RawClient unfinished(hub.socket());
  unfinished.send(hello.substr(0, hello.size() - 1));
  hub.status();

  hub.pause();
  for (RawClient& client : accepted) client.send_line(hello_line("k", {"t"}));
  halved.send(hello.substr(hello.size() / 2));
  // These wait to be accepted.
  std::vector<RawClient> late;
  for (int i = 0; i < kCrowd; ++i) {
    late.emplace_back(hub.socket());
    late.back().send_line(hello_line("k", {"t"}));
  }
  RawClient waiter(hub.socket());
  waiter.send_line(hello_line("lock"));
  RawClient source(hub.socket());
  for (int n = 1; n <= 100; ++n) source.send(event(n));
  CHECK(silent_for(member, seconds(7)));
  hub.resume();

  for (RawClient& client : accepted) CHECK_FALSE(client.read_as<HelloAck>().rejected);
  CHECK_FALSE(halved.read_as<HelloAck>().rejected);
  for (RawClient& client : late) CHECK_FALSE(client.read_as<HelloAck>().rejected);
  for (RawClient* client : {&silent, &unfinished}) {
    CHECK(client->read_as<ErrorMessage>().code == ErrorCode::timeout);
    client->expect_eof();
  }
  source.round_trip();
  for (int n = 1; n <= 100; ++n) CHECK(member.read_as<Event>().payload == std::to_string(n));
  // The lock is still held, and goes to the waiter.
  CHECK(waiter.quiet());
  holder.close();
  CHECK(waiter.read_as<HelloAck>().first_for_key);
  StatusResponse status = hub.status();
  CHECK(status.connections.timed_out == 2);
  CHECK(status.connections.unread == 0);
  CHECK(status.connections.cleanup_timeouts == 0);
  CHECK(status.consumers.size() == 3 + 2 * kCrowd);
  CHECK(status.events.dropped == 0);
  hub.stop();
}

TEST_CASE("A hub that shares one processor with three busy loops drops nobody, and loses nothing", "[busy]") {
  HubProcess hub;
  {
    std::vector<Child> spinners;
    std::vector<pid_t> together = {hub.pid()};
    for (int i = 0; i < 3; ++i) {
      spinners.push_back(spinner());
      together.push_back(spinners.back().pid());
    }
    crowd_together(together);
    // A tenth of what the loops weigh, each.
    REQUIRE(::setpriority(PRIO_PROCESS, static_cast<id_t>(hub.pid()), 10) == 0);

    std::vector<RawClient> crowd;
    for (int i = 0; i < kCrowd; ++i) {
      crowd.emplace_back(hub.socket());
      crowd.back().send_line(hello_line("k", {"t"}));
    }
    int firsts = 0;
    for (RawClient& client : crowd) firsts += client.read_as<HelloAck>().first_for_key ? 1 : 0;
    CHECK(firsts == 1);
    // Everybody publishes, everybody receives, in order and without a gap.
    for (int round = 0; round < 5; ++round) {
      for (RawClient& client : crowd) client.send(event(round));
      for (RawClient& client : crowd) {
        for (int n = 1; n <= kCrowd; ++n)
          CHECK(client.read_as<Event>().seq == static_cast<uint64_t>(round * kCrowd + n));
      }
    }
    for (RawClient& client : crowd) client.round_trip();
    StatusResponse status = hub.status();
    CHECK(status.connections.timed_out == 0);
    CHECK(status.events.dropped == 0);
    CHECK(status.events.published == 5 * kCrowd);
    CHECK(status.events.delivered == 5 * kCrowd * kCrowd);
    for (Child& each : spinners) CHECK(each.running());
  }
  hub.stop();
}
