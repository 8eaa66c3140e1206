// Consumers of one scope that end at the same time, each in a way of its own or all in one: in every round
// exactly one of them is told to clean up (PROTOCOL.md 6). And what the hub says of a scope that nobody
// cleaned up.
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/integration/crowd.h"
#include "tests/integration/golden.h"
#include "tests/integration/sdk_support.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"

using namespace bus;
using namespace bus::test;

namespace {

const std::string kLast = R"({"type":"pre_shutdown_ack","last_for_key":true})";

// So many consumers of the scope k.
std::vector<RawClient> join_scope(const HubProcess& hub, size_t count) {
  std::vector<RawClient> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.emplace_back(hub.socket());
    CHECK(clients.back().hello("k").first_for_key == (i == 0));
  }
  return clients;
}

// A client of the time before capabilities: it asks, and whatever the answer is, it says bye or just closes.
bool leaves_as_last(RawClient& client, const std::string& check, bool bye) {
  client.send_line(check);
  bool last = client.read_line() == kLast;
  if (bye) client.send_line(kBye);
  client.close();
  return last;
}

// All at the same time, each in a thread of its own; the number of those that returned true.
int together(std::vector<std::function<bool()>> all) {
  std::atomic<bool> go{false};
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  threads.reserve(all.size());
  for (auto& each : all) {
    threads.emplace_back([&go, &told, &each] {
      go.wait(false);
      if (each()) ++told;
    });
  }
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  return told;
}

}  // namespace

// ---- raw frames

TEST_CASE("Of raw clients that all ask before the first of them leaves, exactly one is the last", "[raw]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    std::vector<RawClient> clients = join_scope(hub, 2 + static_cast<size_t>(round) % 9);
    INFO(clients.size() << " clients");
    int told = 0;
    for (RawClient& client : clients) {
      client.send_line(kCheck);
      if (client.read_line() == kLast) ++told;
    }
    CHECK(told == 1);
    for (RawClient& client : clients) {
      if (round % 2 == 0) client.send_line(kBye);
    }
    clients.clear();
    wait_until_empty(hub);
  }
}

TEST_CASE("Of raw clients that each ask and then leave, all at once, exactly one is the last", "[raw]") {
  HubProcess hub;
  const std::string own = R"({"type":"pre_shutdown_check","event_key":""})";
  for (int round = 0; round < rounds(); ++round) {
    std::vector<RawClient> clients = join_scope(hub, 2 + static_cast<size_t>(round) % 9);
    INFO(clients.size() << " clients");
    bool bye = round % 2 == 0;
    std::vector<std::function<bool()>> leaving;
    for (RawClient& client : clients) {
      const std::string& check = leaving.size() % 2 == 0 ? kCheck : own;
      leaving.emplace_back([&client, &check, bye] { return leaves_as_last(client, check, bye); });
    }
    CHECK(together(std::move(leaving)) == 1);
    wait_until_empty(hub);
  }
}

TEST_CASE("A consumer that has asked goes on receiving, and one that joins beside it is the first", "[raw]") {
  HubProcess hub;
  RawClient leaving(hub.socket());
  leaving.hello("k", {"x"});
  RawClient other(hub.socket());
  other.hello("k");
  leaving.send_line(kCheck);
  leaving.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":false})");
  other.send_line(kBye);
  other.expect_eof();
  RawClient newcomer(hub.socket());
  CHECK(newcomer.hello("k").first_for_key);
  newcomer.send_line(kEvent);
  leaving.expect_line(R"({"type":"event","event_type":"x","seq":1,"payload":null})");
}

// ---- the library

TEST_CASE("Of consumers of the library that close at the same time, exactly one cleans up", "[sdk]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    size_t count = 2 + static_cast<size_t>(round) % 9;
    INFO(count << " consumers");
    std::atomic<int> cleaned{0};
    std::vector<busd::Consumer> consumers;
    std::vector<std::function<bool()>> closing;
    for (size_t i = 0; i < count; ++i) {
      auto options = consumer_options(hub.socket(), "k");
      options.on_last = [&cleaned] { return ++cleaned > 0; };
      consumers.push_back(open_consumer(std::move(options)));
    }
    for (busd::Consumer& consumer : consumers) {
      closing.emplace_back([&consumer] { return consumer.close() ? true : false; });
    }
    CHECK(together(std::move(closing)) == static_cast<int>(count));
    CHECK(cleaned == 1);
    wait_until_empty(hub);
  }
}

TEST_CASE("Of consumers of the library and raw clients that leave together, exactly one cleans up", "[sdk]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    std::atomic<int> cleaned{0};
    auto options = consumer_options(hub.socket(), "k");
    options.on_last = [&cleaned] { return ++cleaned > 0; };
    auto one = open_consumer(options);
    auto two = open_consumer(options);
    RawClient old(hub.socket());
    old.hello("k");
    RawClient older(hub.socket());
    older.hello("k");
    int told = together({[&] { return one.close() && false; }, [&] { return two.close() && false; },
                         [&] { return leaves_as_last(old, kCheck, true); },
                         [&] { return leaves_as_last(older, kCheck, false); }});
    CHECK(told + cleaned == 1);
    wait_until_empty(hub);
  }
}

// ---- the program

TEST_CASE("Of programs that one event ends, exactly one cleans up", "[cli]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    Crowd crowd;
    for (size_t i = crowd_size(round); i > 0; --i) crowd.add(hub, {"-n", "1"});
    INFO(crowd.members.size() << " programs");
    crowd.wait_until_ready();
    REQUIRE(run(program("bus-publish"), {"k", "1"}, on(hub)).status == ExitStatus{0, 0});
    CHECK(crowd.cleaned() == 1);
    wait_until_empty(hub);
  }
}

TEST_CASE("Of programs that get SIGTERM together, exactly one cleans up", "[cli]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    Crowd crowd;
    for (size_t i = crowd_size(round); i > 0; --i) crowd.add(hub, {});
    INFO(crowd.members.size() << " programs");
    crowd.wait_until_ready();
    for (const auto& each : crowd.members) each->signal(SIGTERM);
    CHECK(crowd.cleaned() == 1);
    wait_until_empty(hub);
  }
}

TEST_CASE("Of programs that end together, each in a way of its own, exactly one cleans up", "[cli]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Fd input(ends[0]);
    Fd writer(ends[1]);
    Crowd crowd;
    ChildOptions reads;
    reads.descriptors = {{input.get(), 0}};
    crowd.add(hub, {"--until-eof"}, reads);
    crowd.add(hub, {"-n", "1"});
    crowd.add(hub, {});
    RawClient old(hub.socket());
    old.hello("k");
    crowd.wait_until_ready();
    // It may end before the others do, but not before they have joined.
    crowd.add(hub, {"--timeout", "1ms"});
    crowd.wait_until_ready();
    writer.reset();
    crowd.members[2]->signal(SIGTERM);
    old.send_line(R"({"type":"event","event_type":"k"})");
    bool last = leaves_as_last(old, kCheck, round % 2 == 0);
    CHECK(crowd.cleaned() + (last ? 1 : 0) == 1);
    wait_until_empty(hub);
  }
}

TEST_CASE("Of programs on a terminal that get ctrl-C, exactly one cleans up", "[terminal]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    size_t count = crowd_size(round);
    INFO(count << " programs");
    Terminal terminal(hub, count);
    terminal.press_ctrl_c();
    CHECK(terminal.cleaned() == 1);
    wait_until_empty(hub);
  }
}

// How long they run together depends on when they come; but what is set up is cleaned up, and once.
TEST_CASE("Of programs that run out of time together, exactly one cleans up what the first has set up",
          "[timeout]") {
  HubProcess hub;
  for (int round = 0; round < rounds(); ++round) {
    Crowd crowd;
    for (size_t i = crowd_size(round); i > 0; --i)
      crowd.add(hub, {"--timeout", "150ms", "--first", "echo SET UP"});
    INFO(crowd.members.size() << " programs");
    int cleaned = crowd.cleaned();
    CHECK(cleaned > 0);
    CHECK(cleaned == crowd.count("SET UP"));
    wait_until_empty(hub);
  }
}

// ---- nobody

TEST_CASE("The hub counts and logs a scope whose last consumer was killed", "[uncleaned]") {
  HubProcess hub;
  Crowd crowd;
  crowd.add(hub, {});
  crowd.add(hub, {});
  crowd.wait_until_ready();
  crowd.members[0]->signal(SIGTERM);
  CHECK(crowd.members[0]->wait() == ExitStatus{143, 0});
  crowd.members[1]->signal(SIGKILL);
  CHECK(crowd.members[1]->wait() == ExitStatus{-1, SIGKILL});
  hub.wait_for_status([](const StatusResponse& s) { return s.connections.uncleaned == 1; });
  hub.wait_for_log("nobody cleaned up k");
  hub.stop();
}

TEST_CASE("A hub that stops counts and logs no scope of those that it closes", "[uncleaned]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k");
  hub.stop();
  consumer.expect_end();
  CHECK(hub.log().find("nobody cleaned up") == std::string::npos);
}
