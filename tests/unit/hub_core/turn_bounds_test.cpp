// A turn's work is bounded, and what it leaves comes in the turns behind it, whole and in order.
#include <string>
#include <vector>

#include "hub/core/hub_core.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

std::string event(const std::string& type, size_t number) {
  return R"({"type":"event","event_type":")" + type + R"(","payload":)" + std::to_string(number) + "}\n";
}

std::string delivered(const std::string& type, size_t seq, size_t number) {
  return R"({"type":"event","event_type":")" + type + R"(","seq":)" + std::to_string(seq) + R"(,"payload":)" +
         std::to_string(number) + "}";
}

// About 1 KiB.
std::string long_event() {
  return R"({"type":"event","event_type":"t","payload":")" + std::string(1000, 'x') + "\"}\n";
}

hub::HubConfig wide_config() {
  hub::HubConfig config = rig_config();
  config.max_connections = 10'000;
  config.memory = hub::kDefaultMemory * 2;
  return config;
}

// So many consumers of one key, with these types.
std::vector<PeerId> join(CoreRig& rig, size_t count, const std::string& types) {
  std::vector<PeerId> consumers;
  for (size_t i = 0; i < count; ++i) consumers.push_back(rig.consumer("k", types));
  return consumers;
}

}  // namespace

TEST_CASE("One event for thousands is written to some in its turn, and to the others in turns of their own",
          "[long]") {
  CoreRig rig(wide_config());
  constexpr size_t kConsumers = 5000;
  std::vector<PeerId> consumers = join(rig, kConsumers, R"("t")");
  PeerId source = rig.source("s");
  for (PeerId id : consumers) rig.lines(id);
  size_t before = rig.writes;
  rig.writes_per_turn = rig.writes_left = 1000;
  rig.core.receive(source, event("t", 1) + event("t", 2), rig.clock);
  CHECK(rig.writes - before >= 1000);
  CHECK(rig.writes - before < 1010);
  size_t left = 0;
  for (PeerId id : consumers) left += rig.core.wants(id).has_more ? 1U : 0U;
  CHECK(left == kConsumers - (rig.writes - before));
  // Another turn, before those had theirs: nothing is overtaken.
  rig.writes_left = 1000;
  rig.core.receive(source, event("t", 3), rig.clock);
  rig.send(source, event("t", 4));
  for (PeerId id : consumers) {
    REQUIRE(rig.lines(id) == std::vector<std::string>{delivered("t", 1, 1), delivered("t", 2, 2),
                                                      delivered("t", 3, 3), delivered("t", 4, 4)});
  }
}

TEST_CASE("A full queue that a turn has no time for is written all the same, and the edge is told") {
  hub::HubConfig config = wide_config();
  config.queue.frames = 2;
  CoreRig rig(config);
  PeerId source = rig.source("s");
  std::vector<PeerId> consumers = join(rig, 12, R"("t")");
  for (PeerId id : consumers) rig.set_room(id, 0);
  rig.send(source, event("t", 1) + event("t", 2));
  for (PeerId id : consumers) rig.give_room_silently(id, kEndless);
  rig.writes_left = 0;
  rig.send(source, event("t", 3));
  for (PeerId id : consumers) {
    CHECK(rig.core.outbox(id).dropped() == 0);
    CHECK(rig.lines(id).size() == 3);
  }
}

TEST_CASE(
    "A turn without time writes no more of a full queue than it must to keep an event from being dropped") {
  hub::HubConfig config = wide_config();
  config.queue.frames = 500;
  CoreRig rig(config);
  PeerId source = rig.source("s");
  std::vector<PeerId> consumers = join(rig, 12, R"("t")");
  for (PeerId id : consumers) rig.set_room(id, 0);
  for (int n = 0; n < 500; ++n) rig.send(source, long_event());
  for (PeerId id : consumers) rig.give_room_silently(id, kEndless);
  rig.writes_left = 0;
  rig.core.receive(source, event("t", 1) + event("t", 2), rig.clock);
  size_t asked = 0;
  for (PeerId id : consumers) {
    CHECK(rig.core.outbox(id).dropped() == 0);
    size_t taken = rig.take_bytes(id).size();
    if (taken > 0 && taken < 100 * 1024) ++asked;
  }
  CHECK(asked >= 8);  // the first few had their turn before the clock was looked at
  rig.send(source, event("t", 3));
  for (PeerId id : consumers) CHECK(rig.core.outbox(id).delivered() == 503);
}

TEST_CASE("A turn in a callback whose time is used up writes nothing while others wait for theirs") {
  CoreRig rig(wide_config());
  PeerId source = rig.source("s");
  std::vector<PeerId> consumers = join(rig, 12, R"("t")");
  rig.writes_left = 0;
  rig.core.receive(source, event("t", 1), rig.clock);
  CHECK(rig.core.is_behind());
  size_t before = rig.writes;
  rig.core.receive(source, event("t", 2), rig.clock);
  CHECK(rig.writes == before);
  rig.send(source, event("t", 3));
  for (PeerId id : consumers) CHECK(rig.core.outbox(id).delivered() == 3);
}

TEST_CASE("What a peer is written from a long queue counts when a turn asks whether it is over") {
  CoreRig rig(wide_config());
  PeerId source = rig.source("s");
  std::vector<PeerId> consumers = join(rig, 12, R"("t")");
  rig.writes_left = 0;
  rig.core.receive(source, event("t", 1), rig.clock);
  for (int n = 0; n < 400; ++n) rig.core.receive(source, long_event(), rig.clock);
  for (PeerId id : consumers) rig.take_bytes(id);
  rig.writes_left = 2;
  rig.core.tick(rig.clock, {});
  size_t written = 0;
  for (PeerId id : consumers) written += rig.take_bytes(id).empty() ? 0U : 1U;
  CHECK(written == 1);
  rig.send(source, event("t", 2));
  for (PeerId id : consumers) CHECK(rig.core.outbox(id).delivered() == 402);
}

TEST_CASE(
    "A turn that is over in the middle of a group that shares writes nothing beside what was prepared") {
  // Guard bytes stand behind the rig's shared_buffer.
  for (size_t frame_bytes : {size_t{1}, size_t{1} << 30U}) {
    hub::HubConfig config = wide_config();
    config.queue.frames = 4;
    config.sharing = {2, 1, frame_bytes};
    CoreRig rig(config);
    PeerId source = rig.source("s");
    std::vector<PeerId> early = join(rig, 12, R"("t")");
    rig.send(source, event("t", 0) + event("t", 0));
    std::vector<PeerId> late = join(rig, 12, R"("t")");
    for (PeerId id : early) rig.set_room(id, 0);
    for (int n = 0; n < 4; ++n) rig.send(source, event("t", 1));
    for (PeerId id : early) rig.give_room_silently(id, kEndless);
    rig.writes_left = 4;
    rig.send(source, event("t", 2) + event("t", 3));
    for (PeerId id : early) CHECK(rig.core.outbox(id).received() == 8);
    for (PeerId id : early) CHECK(rig.core.outbox(id).dropped() == 0);
    rig.send(source, event("t", 4));
  }
}

TEST_CASE("A hub that is told to stop handles what it has read before") {
  CoreRig rig(wide_config());
  std::vector<PeerId> consumers = join(rig, 300, R"("a","b")");
  PeerId source = rig.source("s");
  for (PeerId id : consumers) rig.lines(id);
  std::string chunk;
  for (size_t n = 1; n <= 900; ++n) chunk += event(n % 2 == 0 ? "a" : "b", n);
  rig.core.receive(source, chunk + "{\"type\":\"bye\"}\n", rig.clock);
  REQUIRE(rig.core.wants(source).has_backlog);
  rig.core.begin_stop(rig.clock + seconds(1));
  CHECK_FALSE(rig.core.wants(source).has_backlog);
  for (PeerId id : consumers) CHECK(rig.core.outbox(id).received() == 900);
}

TEST_CASE("A chunk that gives much to many is handled in several turns, in order", "[long]") {
  CoreRig rig(wide_config());
  constexpr size_t kConsumers = 300;
  constexpr size_t kEvents = 1500;
  std::vector<PeerId> consumers = join(rig, kConsumers, R"("a","b")");
  PeerId source = rig.source("s");
  for (PeerId id : consumers) rig.lines(id);
  // Each event is a run of its own, which each consumer has to be given.
  std::string chunk;
  for (size_t n = 1; n <= kEvents; ++n) chunk += event(n % 2 == 0 ? "a" : "b", n);
  chunk += R"({"type":"pre_shutdown_check","event_key":"none"})";
  chunk += "\n{\"type\":\"bye\"}\n";
  rig.core.receive(source, chunk, rig.clock);
  chunk.assign(chunk.size(), 'x');  // whoever handed it in may use its memory again
  CHECK(rig.core.wants(source).has_backlog);
  CHECK(rig.core.wants(source).read == hub::ReadState::read);
  size_t turns = 1;
  while (rig.core.wants(source).has_backlog) {
    rig.core.resume(source, rig.clock);
    ++turns;
  }
  CHECK(turns >= 4);
  CHECK(rig.core.wants(source).close == hub::CloseState::close_when_flushed);
  CHECK(rig.lines(source).back() == R"({"type":"pre_shutdown_ack","last_for_key":false})");
  rig.send(rig.connect(), "");
  for (PeerId id : consumers) {
    std::vector<std::string> lines = rig.lines(id);
    // The source's end is the last that they hear.
    REQUIRE(lines.size() == kEvents + 1);
    for (size_t n = 1; n <= kEvents; ++n) REQUIRE(lines[n - 1] == delivered(n % 2 == 0 ? "a" : "b", n, n));
  }
}

TEST_CASE("A flood of reports of sources is handled in several turns, too") {
  CoreRig rig(wide_config());
  std::vector<PeerId> consumers = join(rig, 500, R"("t")");
  PeerId source = rig.source("s");
  for (PeerId id : consumers) rig.lines(id);
  std::string chunk;
  for (int i = 0; i < 500; ++i) {
    chunk += R"({"type":"source_status","source":"s","state":"connected","detail":")" + std::to_string(i) +
             "\"}\n";
  }
  rig.core.receive(source, chunk, rig.clock);
  CHECK(rig.core.wants(source).has_backlog);
  rig.send(source, "");
  for (PeerId id : consumers) REQUIRE(rig.lines(id).size() == 500);
}

TEST_CASE("What is left of a chunk goes with its connection") {
  CoreRig rig(wide_config());
  for (size_t i = 0; i < 300; ++i) rig.consumer("k", R"("a","b")");
  PeerId source = rig.source("s");
  std::string chunk;
  for (size_t n = 1; n <= 1500; ++n) chunk += event(n % 2 == 0 ? "a" : "b", n);
  rig.core.receive(source, chunk, rig.clock);
  REQUIRE(rig.core.wants(source).has_backlog);
  CHECK(rig.status().memory.pools[1].used_bytes > 0);
  rig.hang_up(source);
  CHECK(rig.status().memory.pools[1].used_bytes == 0);
}

TEST_CASE("Deadlines expire a few at a time, and only of those that the edge was told to look at") {
  CoreRig rig;
  std::vector<PeerId> handshaking;
  for (int i = 0; i < 100; ++i) handshaking.push_back(rig.connect());
  rig.clock += seconds(5);
  size_t rounds = 0;
  size_t expired = 0;
  for (;;) {
    std::vector<PeerId> due = rig.core.due(rig.clock);
    if (due.empty()) break;
    CHECK(due.size() <= 20);
    // The first of them says hello just in time; so does one who is not yet looked at.
    rig.core.receive(due[0], CoreRig::hello("k", "") + "\n", rig.clock);
    rig.core.tick(rig.clock, due);
    expired += due.size();
    ++rounds;
    size_t closing = 0;
    for (PeerId id : handshaking) closing += rig.core.wants(id).close == hub::CloseState::stay ? 0U : 1U;
    CHECK(closing == expired - rounds);
    if (expired < handshaking.size()) CHECK(rig.core.next_deadline() <= rig.clock);
  }
  CHECK(expired == 100);
  CHECK(rig.status().connections.timed_out == 100 - rounds);
}

TEST_CASE("Waiters that a turn has no time for are let in by the next ones, and may leave meanwhile") {
  hub::HubConfig config = wide_config();
  CoreRig rig(config);
  // Each newcomer is told of 2 000 sources, which takes its time.
  std::vector<PeerId> sources;
  for (int i = 0; i < 2000; ++i) sources.push_back(rig.source("s" + std::to_string(i)));
  PeerId holder = rig.consumer("k", "");
  rig.send_line(holder, R"({"type":"pre_shutdown_check","event_key":"k"})");
  std::vector<PeerId> waiters;
  for (int i = 0; i < 20; ++i) {
    waiters.push_back(rig.connect());
    rig.send_line(waiters.back(), CoreRig::hello("k", "", i == 19 ? R"(,"exclusive":true)" : ""));
  }
  rig.core.gone(holder, rig.clock);
  rig.forget(holder);
  auto answered = [&] {
    size_t count = 0;
    for (PeerId id : waiters) count += rig.core.wants(id).read == hub::ReadState::paused ? 0U : 1U;
    return count;
  };
  CHECK(answered() > 0);
  CHECK(answered() < 10);
  CHECK(rig.core.next_deadline() <= rig.clock);
  // One that was let in, but not told, and the one that will be rejected: their places are free at once.
  for (PeerId id : {waiters[12], waiters[19]}) {
    rig.core.gone(id, rig.clock);
    rig.forget(id);
  }
  rig.advance(seconds(0));
  size_t first = 0;
  for (size_t i = 0; i < waiters.size(); ++i) {
    if (i == 12 || i == 19) continue;
    std::string ack = rig.first_line(waiters[i]);
    CHECK(ack.find("hello_ack") != std::string::npos);
    first += ack.find("\"first_for_key\":true") == std::string::npos ? 0U : 1U;
  }
  CHECK(first == 1);
  CHECK(rig.status().consumers.size() == 18);
}
