// Handshake, scopes, clean-up locks and sources, as a peer sees them (PROTOCOL.md 4 and 6).
#include <string>
#include <vector>

#include "hub/core/key_registry.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

const std::string kFirst =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":true,"capabilities":["patterns"]})";
const std::string kNotFirst =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns"]})";
const std::string kCheck = R"({"type":"pre_shutdown_check","event_key":"board"})";
const std::string kLast = R"({"type":"pre_shutdown_ack","last_for_key":true})";
const std::string kNotLast = R"({"type":"pre_shutdown_ack","last_for_key":false})";
const std::string kBye = R"({"type":"bye"})";

std::string status_of(const std::string& name, const std::string& state) {
  return R"({"type":"source_status","source":")" + name + R"(","state":")" + state + "\"}";
}

}  // namespace

TEST_CASE("The first consumer of a key is told so, the second is not") {
  CoreRig rig;
  rig.consumer("board", "\"x\"");
  CHECK(rig.last_ack == kFirst);
  rig.consumer("board", "\"x\"");
  CHECK(rig.last_ack == kNotFirst);
  rig.consumer("other", "\"x\"");
  CHECK(rig.last_ack == kFirst);
}

TEST_CASE("The scope is the subscription_id when there is one") {
  CoreRig rig;
  rig.consumer("board", "", R"(,"subscription_id":"board:1")");
  CHECK(rig.last_ack == kFirst);
  rig.consumer("board", "");
  CHECK(rig.last_ack == kFirst);
  rig.consumer("another key", "", R"(,"subscription_id":"board:1")");
  CHECK(rig.last_ack == kNotFirst);
}

TEST_CASE("A clean-up check is granted to the only consumer of its own scope") {
  CoreRig rig;
  PeerId one = rig.consumer("board", "");
  PeerId two = rig.consumer("board", "");
  rig.send_line(one, kCheck);
  CHECK(rig.line(one) == kNotLast);
  rig.hang_up(two);
  rig.send_line(one, R"({"type":"pre_shutdown_check","event_key":"other"})");
  CHECK(rig.line(one) == kNotLast);
  rig.send_line(one, kCheck);
  CHECK(rig.line(one) == kLast);
  rig.send_line(one, kCheck);
  CHECK(rig.line(one) == kLast);
}

TEST_CASE("A check from a connection without a scope answers false and reserves nothing") {
  CoreRig rig;
  PeerId source = rig.source("clock");
  PeerId anonymous = rig.connect();
  rig.send_line(anonymous, R"({"type":"event","event_type":"x"})");
  for (PeerId id : {source, anonymous}) {
    rig.send_line(id, kCheck);
    CHECK(rig.line(id) == kNotLast);
  }
  rig.consumer("board", "");
  CHECK(rig.last_ack == kFirst);
}

TEST_CASE("While the lock is held hellos of that scope wait, and others do not") {
  CoreRig rig;
  PeerId holder = rig.consumer("board", "");
  rig.send_line(holder, kCheck);
  PeerId waiter = rig.consumer("board", "\"x\"");
  CHECK(rig.last_ack.empty());
  rig.consumer("other", "");
  CHECK(rig.last_ack == kFirst);

  SECTION("the holder says bye") { rig.send_line(holder, kBye); }
  SECTION("the holder's connection breaks") { rig.hang_up(holder); }
  SECTION("the holder keeps it too long") {
    rig.advance(seconds(59));
    CHECK(rig.line(waiter).empty());
    CHECK(rig.is_open(holder));
    rig.advance(seconds(1));
    CHECK_FALSE(rig.is_open(holder));
    CHECK(rig.core.status(rig.clock).connections.cleanup_timeouts == 1);
  }
  CHECK(rig.line(waiter) == kFirst);
}

TEST_CASE(
    "Waiters are answered in order of arrival, exactly one as first, and those who left are forgotten") {
  CoreRig rig;
  PeerId holder = rig.consumer("board", "");
  rig.send_line(holder, kCheck);
  PeerId gone = rig.consumer("board", "");
  PeerId second = rig.consumer("board", "");
  PeerId third = rig.consumer("board", "");
  rig.hang_up(gone);
  rig.send_line(holder, kBye);
  CHECK(rig.line(second) == kFirst);
  CHECK(rig.line(third) == kNotFirst);
}

TEST_CASE("Frames sent with a hello that waits are handled after its answer, in order") {
  CoreRig rig;
  PeerId watcher = rig.consumer("watch", "\"*\"");
  PeerId holder = rig.consumer("board", "");
  rig.send_line(holder, kCheck);
  PeerId waiter = rig.connect();
  rig.send(waiter,
           CoreRig::hello("board", "\"x\"") + "\n" + R"({"type":"event","event_type":"x","payload":1})" +
               "\n" + R"({"type":"event","event_type":"x","payload":2})" + "\n" + R"({"type":"bye"})" + "\n");
  CHECK(rig.core.intake(waiter) == hub::Intake::paused);
  CHECK(rig.lines(watcher).empty());
  rig.send_line(holder, kBye);
  auto got = rig.lines(waiter);
  REQUIRE(got.size() == 3);
  CHECK(got[0] == kFirst);
  CHECK(got[1] == R"({"type":"event","event_type":"x","seq":1,"payload":1})");
  CHECK(got[2] == R"({"type":"event","event_type":"x","seq":2,"payload":2})");
  CHECK(rig.lines(watcher).size() == 2);
  CHECK_FALSE(rig.is_open(waiter));
}

TEST_CASE("A waiter that is let in may in turn be the holder that others wait for") {
  CoreRig rig;
  PeerId holder = rig.consumer("board", "");
  rig.send_line(holder, kCheck);
  PeerId second = rig.connect();
  rig.send(second, CoreRig::hello("board", "") + "\n" + kCheck + "\n" + kBye + "\n");
  PeerId third = rig.connect();
  rig.send(third, CoreRig::hello("board", "") + "\n" + kCheck + "\n");
  rig.send_line(holder, kBye);
  // Both were let in at once, so the second's check finds the third there.
  CHECK(rig.lines(second) == std::vector<std::string>{kFirst, kNotLast});
  CHECK(rig.lines(third) == std::vector<std::string>{kNotFirst, kLast});
}

TEST_CASE("The sixty-fifth waiter is rejected with a reason and closed") {
  CoreRig rig;
  PeerId holder = rig.consumer("board", "");
  rig.send_line(holder, kCheck);
  for (size_t i = 0; i < hub::kMaxWaitersPerScope; ++i) rig.consumer("board", "");
  PeerId refused = rig.consumer("board", "");
  CHECK(rig.last_ack ==
        R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"rejected":true,"reject_reason":)"
        R"("scope board is being cleaned up, and 64 others wait already","capabilities":["patterns"]})");
  CHECK_FALSE(rig.is_open(refused));
}

TEST_CASE("An exclusive scope rejects newcomers by the pid that holds it") {
  CoreRig rig;
  rig.consumer("board", "", R"(,"exclusive":true)");
  PeerId refused = rig.consumer("board", "");
  CHECK(rig.last_ack ==
        R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"rejected":true,"reject_reason":)"
        R"~("scope board is held exclusively (pid 42)","capabilities":["patterns"]})~");
  CHECK_FALSE(rig.is_open(refused));
}

TEST_CASE("A named source is announced when it comes and when it goes, and those who join later are told") {
  CoreRig rig;
  PeerId early = rig.consumer("k", "");
  PeerId source = rig.source("clock");
  CHECK(rig.last_ack == kNotFirst);
  CHECK(rig.line(early) == status_of("clock", "connected"));
  rig.send_line(source,
                R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"attempt 2"})");
  CHECK(rig.line(early) ==
        R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"attempt 2"})");

  PeerId late = rig.connect();
  rig.send_line(late, CoreRig::hello("k", ""));
  CHECK(rig.lines(late) ==
        std::vector<std::string>{
            kNotFirst,
            R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"attempt 2"})"});
  rig.hang_up(source);
  CHECK(rig.line(early) == status_of("clock", "disconnected"));
  CHECK(rig.line(late) == status_of("clock", "disconnected"));
}

TEST_CASE("Two connections of one source name are gone when both are") {
  CoreRig rig;
  PeerId watcher = rig.consumer("k", "");
  PeerId one = rig.source("clock");
  PeerId two = rig.source("clock");
  CHECK(rig.lines(watcher).size() == 2);
  rig.send_line(one, kBye);
  CHECK(rig.lines(watcher).empty());
  rig.hang_up(two);
  CHECK(rig.line(watcher) == status_of("clock", "disconnected"));
}

TEST_CASE("An anonymous connection may report a source's state; sources are told nothing") {
  CoreRig rig;
  PeerId watcher = rig.consumer("k", "");
  PeerId source = rig.source("");
  PeerId anonymous = rig.connect();
  rig.send_line(anonymous, R"({"type":"source_status","source":"disk","state":"connecting"})");
  CHECK(rig.line(watcher) == status_of("disk", "connecting"));
  CHECK(rig.lines(source).empty());
  CHECK(rig.lines(anonymous).empty());
}
