// Handshake, scopes, clean-up locks and sources, as a peer sees them (PROTOCOL.md 4 and 6).
#include <algorithm>
#include <string>
#include <vector>

#include "hub/core/scopes/key_registry.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/support/wire.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

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

TEST_CASE("A clean-up check is granted to the last consumer of its own scope that asks") {
  CoreRig rig;
  PeerId one = rig.consumer("board", "");
  PeerId two = rig.consumer("board", "");
  rig.send_line(one, R"({"type":"pre_shutdown_check","event_key":"other"})");
  CHECK(rig.line(one) == kNotLast);
  rig.send_line(two, kCheck);
  CHECK(rig.line(two) == kNotLast);  // to ask about another scope is not to leave one's own
  rig.send_line(one, kCheck);
  CHECK(rig.line(one) == kLast);
  rig.send_line(one, kCheck);
  CHECK(rig.line(one) == kLast);
  rig.send_line(two, kCheck);
  CHECK(rig.line(two) == kNotLast);
}

TEST_CASE("A check that names no scope asks about the connection's own") {
  for (const char* check :
       {R"({"type":"pre_shutdown_check"})", R"({"type":"pre_shutdown_check","event_key":""})",
        R"({"type":"pre_shutdown_check","event_key":null,"subscription_id":""})"}) {
    for (const char* id : {"", R"(,"subscription_id":"board:1")"}) {
      CoreRig rig;
      PeerId one = rig.consumer("board", "", id);
      PeerId two = rig.consumer("board", "", id);
      rig.send_line(one, check);
      CHECK(rig.line(one) == kNotLast);
      rig.send_line(two, check);
      CHECK(rig.line(two) == kLast);
    }
  }
  CoreRig rig;
  PeerId source = rig.source("clock");
  rig.send_line(source, R"({"type":"pre_shutdown_check"})");
  CHECK(rig.line(source) == kNotLast);
}

TEST_CASE(
    "Of several that ask and say bye or hang up, in every order, exactly one is told that it is the last") {
  for (size_t consumers = 2; consumers <= 4; ++consumers) {
    for (bool bye : {true, false}) {
      std::vector<size_t> order;
      for (size_t i = 0; i < consumers; ++i) order.insert(order.end(), {i, i});
      do {
        CoreRig rig;
        std::vector<PeerId> peers;
        for (size_t i = 0; i < consumers; ++i) peers.push_back(rig.consumer("board", ""));
        std::vector<bool> asked(consumers);
        size_t told = 0;
        for (size_t i : order) {
          if (!asked[i]) {
            asked[i] = true;
            rig.send_line(peers[i], kCheck);
            if (rig.line(peers[i]) == kLast) ++told;
          } else if (bye) {
            rig.send_line(peers[i], kBye);
          } else {
            rig.hang_up(peers[i]);
          }
        }
        REQUIRE(told == 1);
        REQUIRE(rig.status().connections.uncleaned == 0);
        rig.consumer("board", "");
        REQUIRE(rig.last_ack == kFirst);
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
}

TEST_CASE("A consumer that is leaving receives until it says bye, and a newcomer beside it is the first") {
  CoreRig rig;
  PeerId leaving = rig.consumer("board", "\"x\"");
  PeerId other = rig.consumer("board", "\"x\"");
  rig.send_line(leaving, kCheck);
  CHECK(rig.line(leaving) == kNotLast);
  rig.send_line(other, kBye);
  PeerId newcomer = rig.consumer("board", "\"x\"");
  CHECK(rig.last_ack == kFirst);
  rig.send_line(newcomer, R"({"type":"event","event_type":"x","payload":1})");
  CHECK(rig.line(leaving) == R"({"type":"event","event_type":"x","seq":1,"payload":1})");
  CHECK(rig.line(newcomer) == R"({"type":"event","event_type":"x","seq":1,"payload":1})");
}

TEST_CASE("Those that wait for a clean-up come in when it ends, though one that is leaving is still there") {
  CoreRig rig;
  PeerId leaving = rig.consumer("board", "");
  PeerId holder = rig.consumer("board", "");
  rig.send_line(leaving, kCheck);
  rig.send_line(holder, kCheck);
  CHECK(rig.line(holder) == kLast);
  PeerId alone = rig.connect();
  rig.send_line(alone, CoreRig::hello("board", "", R"(,"exclusive":true)"));
  PeerId second = rig.consumer("board", "");
  PeerId third = rig.consumer("board", "");
  SECTION("the holder says bye") { rig.send_line(holder, kBye); }
  SECTION("the holder dies") { rig.hang_up(holder); }
  // What is leaving still receives, so an exclusive one would not be alone.
  CHECK_FALSE(rig.is_open(alone));
  CHECK(rig.line(second) == kFirst);
  CHECK(rig.line(third) == kNotFirst);
  CHECK(rig.status().connections.uncleaned == 0);
}

TEST_CASE("A scope that ends without a word is counted, and the log is told its name") {
  CoreRig rig;
  PeerId leaving = rig.consumer("board", "");
  PeerId last = rig.consumer("board", "");
  rig.core.take_notices();
  auto uncleaned = [&rig] {
    std::vector<std::string> texts;
    for (const hub::Notice& notice : rig.core.take_notices()) {
      if (notice.kind == hub::Notice::Kind::uncleaned) texts.push_back(notice.text);
    }
    CHECK(rig.status().connections.uncleaned == texts.size());
    return texts;
  };
  const std::vector<std::string> once{"nobody cleaned up board"};

  SECTION("both die") {
    rig.hang_up(leaving);
    CHECK(uncleaned().empty());
    rig.hang_up(last);
    CHECK(uncleaned() == once);
  }
  SECTION("one asks and stays, the other dies") {
    rig.send_line(leaving, kCheck);
    rig.hang_up(last);
    CHECK(uncleaned() == once);
    rig.hang_up(leaving);
    CHECK(rig.core.take_notices().size() == 1);  // that it left
  }
  SECTION("one asks and ends, the other dies") {
    rig.send_line(leaving, kCheck);
    rig.send_line(leaving, kBye);
    CHECK(uncleaned().empty());
    rig.hang_up(last);
    CHECK(uncleaned() == once);
  }
  SECTION("the other asks about another scope, and dies") {
    rig.hang_up(leaving);
    rig.send_line(last, R"({"type":"pre_shutdown_check","event_key":"other"})");
    rig.hang_up(last);
    CHECK(uncleaned() == once);
  }
  SECTION("the hub closes the last") {
    rig.hang_up(leaving);
    rig.send(last, std::string(1'048'577, ' '));
    CHECK_FALSE(rig.is_open(last));
    CHECK(uncleaned() == once);
  }
}

TEST_CASE("A scope that ends in good order, or with the hub, is not counted as one that nobody cleaned up") {
  CoreRig rig;
  PeerId other = rig.consumer("board", "");
  PeerId last = rig.consumer("board", "");
  SECTION("the last says bye, and has nothing to clean up") {
    rig.hang_up(other);
    rig.send_line(last, kBye);
  }
  SECTION("the last was told so, and dies") {
    rig.send_line(other, kCheck);
    rig.send_line(last, kCheck);
    rig.hang_up(last);
    rig.hang_up(other);
  }
  SECTION("the last was told so, and cleans up for too long") {
    rig.hang_up(other);
    rig.send_line(last, kCheck);
    rig.advance(seconds(60));
    CHECK_FALSE(rig.is_open(last));
    CHECK(rig.status().connections.cleanup_timeouts == 1);
  }
  SECTION("a hello that waits dies") {
    rig.send_line(other, kCheck);
    rig.send_line(last, kCheck);
    rig.hang_up(rig.consumer("board", ""));
  }
  SECTION("the hub stops") {
    rig.core.begin_stop(rig.clock + seconds(1));
    rig.hang_up(other);
    rig.hang_up(last);
  }
  CHECK(rig.status().connections.uncleaned == 0);
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
    CHECK(rig.status().connections.cleanup_timeouts == 1);
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
  CHECK(rig.core.wants(waiter).read == hub::ReadState::paused);
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
  // Both were let in at once, so the second's check finds the third there, which has not asked yet.
  CHECK(rig.lines(second) == std::vector<std::string>{kFirst, kNotLast});
  CHECK(rig.lines(third) == std::vector<std::string>{kNotFirst, kLast});
}

TEST_CASE("The sixty-fifth waiter is rejected with a reason and closed") {
  CoreRig rig;
  PeerId holder = rig.consumer("board", "");
  rig.send_line(holder, kCheck);
  for (size_t i = 0; i < hub::kMaxWaitersPerScope; ++i) rig.consumer("board", "");
  PeerId refused = rig.consumer("board", "");
  CHECK(rig.last_ack == rejection_line("scope board is being cleaned up, and 64 others wait already"));
  CHECK_FALSE(rig.is_open(refused));
}

TEST_CASE("An exclusive scope rejects newcomers by the pid that holds it") {
  CoreRig rig;
  rig.consumer("board", "", R"(,"exclusive":true)");
  PeerId refused = rig.consumer("board", "");
  CHECK(rig.last_ack ==
        rejection_line("scope board is held exclusively by pid 42; stop that one, or wait until it ends"));
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

TEST_CASE(
    "A consumer that joins is told of sources that are connected, or report more than that they have gone") {
  CoreRig rig;
  PeerId gone = rig.source("gone");
  rig.hang_up(gone);
  PeerId reporter = rig.source("clock");
  auto report = [&](const std::string& name, const std::string& state) {
    rig.send_line(reporter, status_of(name, state));
  };
  report("absent", "disconnected");
  report("broken", "reconnecting");
  report("clock", "disconnected");  // it says so itself, and is connected
  PeerId late = rig.connect();
  rig.send_line(late, CoreRig::hello("k", "\"x\""));
  CHECK(rig.lines(late) == std::vector<std::string>{kFirst, status_of("broken", "reconnecting"),
                                                    status_of("clock", "disconnected")});
}
