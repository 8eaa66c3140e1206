// The core as a connection meets it: first frames, faults, deadlines, closing, idleness, stopping
// (PROTOCOL.md 1, 4, 8).
#include "hub/core/hub_core.h"

#include <string>
#include <vector>

#include "hub/core/delivery/outbox.h"
#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/support/wire.h"

using namespace bus;
using namespace bus::test;
using bus::hub::CloseState;
using bus::hub::PeerId;
using bus::hub::ReadState;

namespace {

const std::string kEvent = R"({"type":"event","event_type":"x"})";

bool is_error(const std::string& line, const std::string& code) {
  return line.find(R"({"type":"error","code":")" + code + "\"") == 0;
}

}  // namespace

TEST_CASE("Only these may be first: hello, status_query, shutdown, event, source_status") {
  for (const char* allowed : {R"({"type":"hello","pid":1,"event_key":"k","event_types":null,"version":"v1"})",
                              R"({"type":"event","event_type":"x"})",
                              R"({"type":"source_status","source":"s","state":"connected"})"}) {
    CoreRig rig;
    PeerId id = rig.connect();
    rig.send_line(id, allowed);
    CHECK(rig.is_open(id));
  }
  struct Refused {
    const char* line;
    const char* code;
  };
  for (const Refused& refused :
       {Refused{R"({"type":"bye"})", "not_allowed"},
        Refused{R"({"type":"pre_shutdown_check","event_key":"k"})", "not_allowed"},
        Refused{R"({"type":"hello_ack","bus_version":"v1","first_for_key":true})", "not_allowed"},
        Refused{R"({"type":"quux"})", "unknown_type"}, Refused{"{", "bad_json"}, Refused{"[]", "bad_frame"},
        Refused{R"({"type":"event"})", "bad_frame"}}) {
    CAPTURE(refused.line);
    CoreRig rig;
    PeerId id = rig.connect();
    rig.send_line(id, refused.line);
    CHECK(is_error(rig.line(id), refused.code));
    CHECK_FALSE(rig.is_open(id));
  }
}

TEST_CASE(
    "After the first frame a bad one is answered with its number, counted, and the connection lives on") {
  CoreRig rig;
  PeerId watcher = rig.consumer("k", "\"x\"");
  PeerId id = rig.connect();
  rig.send(id, kEvent + "\n\n \t\r\n{\n" + R"({"type":"quux"})" + "\n" + R"({"type":"status_query"})" + "\n" +
                   R"({"type":"shutdown"})" + "\n" + CoreRig::hello("k", "") + "\n" +
                   R"({"type":"bye","type":"bye"})" + "\n" + kEvent + "\n");
  auto lines = rig.lines(id);
  REQUIRE(lines.size() == 6);
  const char* codes[] = {"bad_json",    "unknown_type", "not_allowed",
                         "not_allowed", "not_allowed",  "bad_frame"};
  for (size_t i = 0; i < lines.size(); ++i) {
    CHECK(is_error(lines[i], codes[i]));
    CHECK(lines[i].find(R"("frame":)" + std::to_string(i + 2) + "}") != std::string::npos);
  }
  CHECK(rig.lines(watcher).size() == 2);
  CHECK(rig.status().events.refused == 6);
  CHECK_FALSE(rig.core.stop_requested());
}

TEST_CASE("What only the hub sends is not allowed from a client, as the first frame and later") {
  for (const char* type : {"hello_ack", "pre_shutdown_ack", "status_response", "error", "value", "synced"}) {
    CAPTURE(type);
    CoreRig rig;
    std::string line = R"({"type":")" + std::string(type) + "\"}";
    PeerId consumer = rig.consumer("k", "\"x\"");
    rig.send_line(consumer, line);
    CHECK(is_error(rig.line(consumer), "not_allowed"));
    PeerId first = rig.connect();
    rig.send_line(first, line);
    CHECK(is_error(rig.line(first), "not_allowed"));
    CHECK_FALSE(rig.is_open(first));
  }
}

TEST_CASE("An error names the event it answers by its event_id") {
  CoreRig rig;
  PeerId id = rig.connect();
  rig.send_line(id, kEvent);
  std::string big(kMaxFrameBytes - 80, 'p');
  rig.send_line(id, R"({"type":"event","event_type":"x","event_id":"e-9","payload":")" + big + "\"}");
  CHECK(rig.line(id).find(R"("id":"e-9","frame":2})") != std::string::npos);
  rig.send_line(id, R"({"type":"event","event_id":"e-10"})");
  CHECK(rig.line(id).find(R"("id":"e-10","frame":3})") != std::string::npos);
  rig.send_line(id, R"({"type":"event","event_id":")" + big + "\"}");
  CHECK(rig.line(id) == R"({"type":"error","code":"bad_frame","message":"event_type is missing","frame":4})");
}

TEST_CASE("Frames arrive whole however the bytes are cut") {
  std::string bytes = CoreRig::hello("k", "\"x\"") + "\r\n" + kEvent + "\n" + R"({"type":"bye"})" + "\n";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    CoreRig rig;
    PeerId id = rig.connect();
    rig.send(id, bytes.substr(0, cut));
    rig.send(id, bytes.substr(cut));
    REQUIRE(rig.lines(id).size() == 2);
    REQUIRE_FALSE(rig.is_open(id));
  }
}

TEST_CASE("A frame of exactly the cap is taken, one byte more is answered and ends the connection") {
  for (size_t over : {size_t{0}, size_t{1}}) {
    CoreRig rig;
    PeerId id = rig.connect();
    rig.send_line(id, kEvent);
    std::string line = R"({"type":"quux"})";
    line += std::string(kMaxFrameBytes - 1 - line.size() + over, ' ');
    for (size_t at = 0; at < line.size(); at += 100'000) rig.send(id, line.substr(at, 100'000));
    rig.send(id, "\n");
    CHECK(is_error(rig.line(id), over == 0 ? "unknown_type" : "frame_too_large"));
    CHECK(rig.is_open(id) == (over == 0));
  }
}

TEST_CASE("Endless input without a line end costs bounded memory and ends at the cap") {
  CoreRig rig;
  PeerId id = rig.connect();
  std::string chunk(65536, 'x');
  for (int i = 0; i < 160; ++i) rig.send(id, chunk);
  CHECK(is_error(rig.line(id), "frame_too_large"));
  CHECK_FALSE(rig.is_open(id));
}

TEST_CASE("A connection that sends no complete frame within 5 s is told and closed, and none that did") {
  CoreRig rig;
  PeerId silent = rig.connect();
  PeerId dribbling = rig.connect();
  rig.send(dribbling, "{\"type\":");
  PeerId served = rig.consumer("k", "");
  rig.advance(kHandshakeTimeout - milliseconds(1));
  CHECK(rig.is_open(silent));
  CHECK(rig.core.due(rig.clock).empty());
  rig.clock += milliseconds(1);
  CHECK(rig.core.due(rig.clock) == std::vector<PeerId>{silent, dribbling});
  rig.advance(Duration::zero());
  CHECK(is_error(rig.line(silent), "timeout"));
  CHECK(is_error(rig.line(dribbling), "timeout"));
  CHECK_FALSE(rig.is_open(silent));
  CHECK(rig.is_open(served));
  CHECK(rig.status().connections == StatusResponse::Connections{3, 0, 0, 2, 0, 0});
}

TEST_CASE(
    "A frame that is read in the turn in which the deadline expires meets it, however late the hub is") {
  CoreRig rig;
  PeerId id = rig.connect();
  rig.clock += seconds(7);
  rig.send_line(id, kEvent);
  rig.advance(Duration::zero());
  CHECK(rig.is_open(id));
}

TEST_CASE("Strangers are denied, root and whom the configuration names are not") {
  hub::HubConfig config = rig_config();
  config.allow_uids = {2000};
  config.allow_gids = {3000, 3001};
  CoreRig rig(config);
  CHECK(rig.is_open(rig.connect(kOurUid)));
  CHECK(rig.is_open(rig.connect(0)));
  CHECK(rig.is_open(rig.connect(2000)));
  CHECK(rig.is_open(rig.connect(3000)));  // its gid
  PeerId stranger = rig.connect(4000);
  CHECK_FALSE(rig.is_open(stranger));
  CHECK(rig.status().connections == StatusResponse::Connections{5, 1, 0, 0, 0, 0});
  CHECK(rig.line(stranger) ==
        R"({"type":"error","code":"denied","message":"uid 4000 may not use the hub at /nowhere/bus.sock; )"
        R"(its owner (uid 1000) can admit it with busd --allow-uid 4000"})");
  PeerId by_group = rig.core.open(hub::Credentials{1, 4000, 4000, {5, 3001}}, rig.clock);
  CHECK(rig.core.wants(by_group).close == CloseState::stay);
  rig.core.gone(by_group, rig.clock);
}

TEST_CASE("One connection above the limit is refused, and may come when another has left") {
  hub::HubConfig config = rig_config();
  config.max_connections = 2;
  config.allow_uids = {2000};
  CoreRig rig(config);
  PeerId one = rig.connect();
  rig.connect();
  PeerId refused = rig.connect(2000);
  CHECK(
      rig.line(refused) ==
      R"({"type":"error","code":"too_many","message":"all 2 connections of this hub are in use; close some )"
      R"((bus-status lists them), or start the hub with a larger --max-connections"})");
  CHECK_FALSE(rig.is_open(refused));
  CHECK(rig.status().connections == StatusResponse::Connections{3, 0, 1, 0, 0, 0});
  rig.hang_up(one);
  CHECK(rig.is_open(rig.connect()));
}

TEST_CASE("bye finishes what came before it, ignores what comes after it, flushes and closes") {
  CoreRig rig;
  PeerId watcher = rig.consumer("k", "\"x\"");
  PeerId id = rig.consumer("k", "\"x\"");
  rig.set_room(id, 0);
  rig.send(id, kEvent + "\n" + R"({"type":"bye"})" + "\n" + kEvent + "\n");
  CHECK(rig.lines(watcher).size() == 1);
  CHECK(rig.is_open(id));
  CHECK(rig.core.wants(id).read == ReadState::ended);
  rig.send_line(watcher, R"({"type":"pre_shutdown_check","event_key":"k"})");
  CHECK(rig.line(watcher) == R"({"type":"pre_shutdown_ack","last_for_key":true})");
  rig.set_room(id, kEndless);
  CHECK(rig.lines(id).size() == 1);
  CHECK_FALSE(rig.is_open(id));
}

TEST_CASE("A peer that said bye and does not read is closed after 5 s") {
  CoreRig rig;
  PeerId id = rig.consumer("k", "\"x\"");
  rig.set_room(id, 0);
  rig.send(id, kEvent + "\n" + R"({"type":"bye"})" + "\n");
  rig.advance(kWriteTimeout - milliseconds(1));
  CHECK(rig.is_open(id));
  rig.advance(milliseconds(1));
  CHECK_FALSE(rig.is_open(id));
}

TEST_CASE("A control reply that is not read within 5 s ends the connection, queued events never do") {
  CoreRig rig;
  PeerId asks = rig.consumer("k", "\"x\"");
  PeerId slow = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.set_room(asks, 0);
  rig.set_room(slow, 0);
  rig.send_line(source, kEvent);
  rig.send_line(asks, R"({"type":"pre_shutdown_check","event_key":"k"})");
  rig.send_line(slow, "an error reply has no deadline");
  rig.advance(kWriteTimeout - milliseconds(1));
  CHECK(rig.is_open(asks));
  rig.advance(milliseconds(1));
  CHECK_FALSE(rig.is_open(asks));
  rig.advance(seconds(3600));
  CHECK(rig.is_open(slow));
}

TEST_CASE("Replies that a client leaves unread are bounded; one that reads may get any number") {
  CoreRig rig;
  PeerId deaf = rig.connect();
  PeerId reads = rig.connect();
  rig.send_line(deaf, kEvent);
  rig.send_line(reads, kEvent);
  rig.set_room(deaf, 0);
  std::string bad;
  for (int i = 0; i < 5000; ++i) bad += "{\n";
  rig.send(deaf, bad);
  CHECK_FALSE(rig.is_open(deaf));
  CHECK(rig.status().connections == StatusResponse::Connections{2, 0, 0, 0, 0, 1});
  rig.send(reads, bad);
  CHECK(rig.lines(reads).size() == 5000);
}

TEST_CASE("At end of input a consumer goes on receiving, a source is closed") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.send_line(source, kEvent);
  rig.shut_down_writing(consumer);
  CHECK(rig.is_open(consumer));
  rig.lines(consumer);
  rig.send(source, kEvent + "\n{\"type\":\"ev");
  CHECK(rig.lines(consumer).size() == 1);
  uint64_t refused = rig.status().events.refused;
  rig.shut_down_writing(source);
  CHECK_FALSE(rig.is_open(source));
  CHECK(rig.status().events.refused == refused + 1);  // the partial line
  PeerId nothing = rig.connect();
  rig.shut_down_writing(nothing);
  CHECK_FALSE(rig.is_open(nothing));
}

TEST_CASE("The hub is idle when idle_exit has passed since the last connection that counts") {
  hub::HubConfig config = rig_config();
  config.idle_exit = seconds(30);
  CoreRig rig(config);
  CHECK(rig.core.next_deadline() == rig.clock + seconds(30));
  rig.advance(seconds(20));
  PeerId consumer = rig.consumer("k", "");
  rig.advance(seconds(100));
  CHECK_FALSE(rig.core.idle(rig.clock));
  rig.hang_up(consumer);
  rig.advance(seconds(29));
  CHECK_FALSE(rig.core.idle(rig.clock));

  SECTION("a status query does not count") {
    PeerId status = rig.connect();
    CHECK_FALSE(rig.core.idle(rig.clock + seconds(1)));  // in its handshake it does
    rig.send_line(status, R"({"type":"status_query"})");
    CHECK_FALSE(rig.is_open(status));
    CHECK(rig.core.idle(rig.clock + seconds(1)));
  }
  SECTION("a connection that only said hello counts") {
    rig.hang_up(rig.consumer("k", ""));
    CHECK_FALSE(rig.core.idle(rig.clock + seconds(29)));
    CHECK(rig.core.idle(rig.clock + seconds(30)));
  }
  SECTION("a connection that left in its handshake counts") {
    rig.hang_up(rig.connect());
    CHECK_FALSE(rig.core.idle(rig.clock + seconds(29)));
  }
}

TEST_CASE("A hub without idle_exit is never idle") {
  CoreRig rig;
  CHECK(rig.core.next_deadline() == kNever);
  CHECK_FALSE(rig.core.idle(rig.clock + std::chrono::hours(10'000)));
}

TEST_CASE("shutdown is answered by end of file, and queues are flushed until the deadline") {
  CoreRig rig;
  PeerId reads = rig.consumer("k", "\"x\"");
  PeerId stuck = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.set_room(stuck, 0);
  rig.send_line(source, kEvent);
  PeerId asks = rig.connect();
  rig.send_line(asks, R"({"type":"shutdown"})");
  CHECK(rig.core.stop_requested());
  CHECK_FALSE(rig.is_open(asks));
  rig.core.begin_stop(rig.clock + seconds(1));
  CHECK(rig.core.wants(source).read ==
        ReadState::paused);  // so that its unread input is not taken for processed
  rig.advance(milliseconds(1));
  CHECK_FALSE(rig.is_open(reads));
  CHECK_FALSE(rig.is_open(source));
  CHECK(rig.is_open(stuck));
  rig.advance(seconds(1));
  CHECK_FALSE(rig.is_open(stuck));
  CHECK(rig.core.peer_count() == 0);
}

TEST_CASE("Waiters are closed when the hub stops, not let in") {
  CoreRig rig;
  PeerId holder = rig.consumer("k", "");
  rig.send_line(holder, R"({"type":"pre_shutdown_check","event_key":"k"})");
  PeerId waiter = rig.consumer("k", "");
  rig.core.begin_stop(rig.clock + seconds(1));
  rig.advance(milliseconds(1));
  CHECK(rig.lines(waiter).empty());
  CHECK(rig.core.peer_count() == 0);
}

TEST_CASE("A last line without its line feed is answered, counted, and numbered; white space is no line") {
  CoreRig rig;
  PeerId source = rig.connect();
  rig.send(source, std::string(kEvent) + "\n{\"type\":\"bye\"}");
  rig.shut_down_writing(source);
  std::string answer = rig.line(source);
  CHECK(is_error(answer, "bad_frame"));
  CHECK(answer.find("no line end") != std::string::npos);
  CHECK(answer.find("end every frame with a line feed") != std::string::npos);
  CHECK(answer.find("\"frame\":2") != std::string::npos);
  CHECK_FALSE(rig.is_open(source));

  PeerId consumer = rig.consumer("k", "\"x\"");
  rig.send(consumer, "{}x");
  rig.shut_down_writing(consumer);
  CHECK(is_error(rig.line(consumer), "bad_frame"));
  CHECK(rig.is_open(consumer));

  PeerId first = rig.connect();
  rig.send(first, "{");
  rig.shut_down_writing(first);
  CHECK(is_error(rig.line(first), "bad_frame"));
  CHECK_FALSE(rig.is_open(first));

  PeerId blank = rig.connect();
  rig.send(blank, std::string(kEvent) + "\n \t\r");
  rig.shut_down_writing(blank);
  CHECK(rig.line(blank).empty());
  CHECK(rig.status().events.refused == 3);
}

TEST_CASE("hello_ack names the hub's own capabilities, then what the configuration announces") {
  hub::HubConfig config = rig_config();
  config.announce = {"events.v2", "two words"};
  CoreRig rig(config);
  rig.consumer("k", "");
  CHECK(rig.last_ack == ack_line(true, config.announce));
  rig.source("clock");
  CHECK(rig.last_ack == ack_line(false, config.announce));
  rig.consumer("k", "", R"(,"exclusive":true)");
  CHECK(rig.last_ack.find(R"("rejected":true)") != std::string::npos);
  CHECK(rig.last_ack.ends_with(capabilities_token(config.announce) + "}"));
}

TEST_CASE(
    "A hello whose unknown member looks like a slip for one that is defined is logged once, and accepted") {
  struct Case {
    const char* member;
    const char* text;  // nullptr: none
  };
  const Case cases[] = {
      {R"("types":["x"])", R"(hello has a member "types": did it mean "event_types"?)"},
      {R"("key":"k","types":[])", R"(hello has a member "key": did it mean "event_key"?)"},
      {R"("event_type":"x")", R"(hello has a member "event_type": did it mean "event_types"?)"},
      {R"("excluzive":true)", R"(hello has a member "excluzive": did it mean "exclusive"?)"},
      {R"("r\u006fll":"source")", R"(hello has a member "roll": did it mean "role"?)"},
      {R"("sorce":"s")", R"(hello has a member "sorce": did it mean "source"?)"},
      {R"("name":"s","app":1,"x":1,"":1,"evnt_tipse":1)", nullptr},
  };
  for (const Case& each : cases) {
    CAPTURE(each.member);
    CoreRig rig;
    PeerId id = rig.consumer("k", "\"x\"", std::string(",") + each.member);
    CHECK(rig.last_ack.starts_with(R"({"type":"hello_ack")"));
    // A second one is not_allowed, and no reason to log more.
    rig.send_line(id, CoreRig::hello("k", "", R"(,"types":[])"));
    CHECK(is_error(rig.line(id), "not_allowed"));
    std::vector<std::string> texts;
    for (const hub::Notice& notice : rig.core.take_notices()) {
      if (notice.kind == hub::Notice::Kind::odd_member) texts.push_back(notice.text);
    }
    if (each.text == nullptr) {
      CHECK(texts.empty());
    } else {
      CHECK(texts == std::vector<std::string>{each.text});
    }
  }
}

TEST_CASE(
    "The hub's own user and root may ask for status, or stop the hub, when all connections are in use") {
  hub::HubConfig config = rig_config();
  config.max_connections = 1;
  config.allow_uids = {2000};
  CoreRig rig(config);
  PeerId served = rig.consumer("k", "");
  PeerId asks = rig.connect();
  CHECK(rig.line(asks).empty());
  rig.send_line(asks, R"({"type":"status_query"})");
  CHECK(rig.line(asks).starts_with(R"({"type":"status_response")"));
  CHECK_FALSE(rig.is_open(asks));
  CHECK_FALSE(rig.is_open(rig.connect(2000)));

  // Whatever else it begins with is refused, as if it had come without a place.
  for (const std::string& frame :
       {CoreRig::hello("k", ""), std::string(kEvent), std::string("{"), std::string(R"({"type":"bye"})")}) {
    PeerId other = rig.connect(0);
    rig.send_line(other, frame);
    std::string answer = rig.line(other);
    CHECK(is_error(answer, "too_many"));
    CHECK(answer.find("larger --max-connections") != std::string::npos);
    CHECK_FALSE(rig.is_open(other));
    CHECK(rig.answered.count(other) == 1);
  }
  StatusResponse::Connections expected;
  expected.accepted = 7;
  expected.too_many = 5;
  expected.administrative = 5;
  CHECK(rig.status().connections == expected);

  // 8 of them, and one more is none.
  std::vector<PeerId> places;
  for (size_t i = 0; i < hub::kAdministrativePlaces; ++i) places.push_back(rig.connect());
  for (PeerId id : places) CHECK(rig.is_open(id));
  PeerId one_more = rig.connect();
  CHECK(is_error(rig.line(one_more), "too_many"));
  // In their handshake like any other.
  rig.advance(kHandshakeTimeout);
  for (PeerId id : places) CHECK(is_error(rig.line(id), "timeout"));
  PeerId stops = rig.connect();
  rig.send_line(stops, R"({"type":"shutdown"})");
  CHECK(rig.core.stop_requested());
  CHECK(rig.is_open(served));
}

TEST_CASE(
    "A connection with an administrative place becomes an ordinary one when another has left meanwhile") {
  hub::HubConfig config = rig_config();
  config.max_connections = 1;
  CoreRig rig(config);
  PeerId served = rig.consumer("k", "");
  PeerId next = rig.connect();
  rig.hang_up(served);
  rig.send_line(next, CoreRig::hello("k", ""));
  CHECK(rig.line(next).starts_with(R"({"type":"hello_ack")"));
  // It holds the one place now, and none of the others.
  PeerId refused = rig.connect();
  rig.send_line(refused, kEvent);
  CHECK(is_error(rig.line(refused), "too_many"));
}

TEST_CASE("A connection whose descriptor came from the reserve may ask for status, and do nothing else") {
  CoreRig rig;
  PeerId id = rig.core.open(hub::Credentials{1, kOurUid, kOurUid, {}}, rig.clock, hub::Supply::reserve);
  rig.core.receive(id, std::string(kEvent) + "\n", rig.clock);
  CHECK(rig.core.wants(id).close != CloseState::stay);
  CHECK(rig.core.wants(id).closes_with_answer);
  CHECK(rig.status().connections.too_many == 1);
  CHECK(rig.status().events.published == 0);
  rig.core.gone(id, rig.clock);
}

TEST_CASE("A connection that ends with an answer is told from one that ends with bye") {
  CoreRig rig;
  rig.consumer("alone", "", R"(,"exclusive":true)");
  PeerId rejected = rig.consumer("alone", "");
  PeerId bad = rig.connect();
  rig.send_line(bad, "{");
  PeerId large = rig.connect();
  rig.send(large, std::string(kMaxFrameBytes + 1, 'x'));
  PeerId asked = rig.connect();
  rig.send_line(asked, R"({"type":"status_query"})");
  PeerId stranger = rig.connect(4000);
  PeerId mute = rig.connect();
  rig.advance(kHandshakeTimeout);
  for (PeerId id : {rejected, bad, large, asked, stranger, mute}) {
    CHECK_FALSE(rig.is_open(id));
    CHECK(rig.answered.count(id) == 1);
  }
  PeerId done = rig.connect();
  rig.send_line(done, kEvent);
  rig.send_line(done, R"({"type":"bye"})");
  CHECK_FALSE(rig.is_open(done));
  CHECK(rig.answered.count(done) == 0);
}
