// Events through the core: what consumers get, in which order, and what they lose (PROTOCOL.md 5).
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

std::string event(int n, const std::string& more = "") {
  return R"({"type":"event","event_type":"x")" + more + R"(,"payload":)" + std::to_string(n) + "}\n";
}

std::string got(int seq, int n) {
  return R"({"type":"event","event_type":"x","seq":)" + std::to_string(seq) + R"(,"payload":)" +
         std::to_string(n) + "}";
}

hub::HubConfig small_queues(size_t frames) {
  hub::HubConfig config = rig_config();
  config.queue.frames = frames;
  return config;
}

}  // namespace

TEST_CASE("An event goes to every consumer of its type, with a seq of each connection's own") {
  CoreRig rig;
  PeerId one = rig.consumer("k", "\"x\"");
  PeerId source = rig.source("s");
  rig.lines(one);
  rig.send(source, event(1));
  PeerId two = rig.consumer("k", "\"x\",\"y\"");
  rig.lines(two);
  PeerId none = rig.consumer("x", "null");
  PeerId other = rig.consumer("x", "\"y\"");
  rig.lines(none);
  rig.lines(other);
  rig.send(source, event(2));
  CHECK(rig.lines(one) == std::vector<std::string>{got(1, 1), got(2, 2)});
  CHECK(rig.lines(two) == std::vector<std::string>{got(1, 2)});
  CHECK(rig.lines(none).empty());
  CHECK(rig.lines(other).empty());
}

TEST_CASE("A frame is forwarded byte for byte, members in the order of the wire, a source's seq left out") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", "\"*\"");
  PeerId source = rig.connect();
  rig.send(source,
           "\t{ \"payload\" : {\"a\": 1.10,\"b\":18446744073709551616,\"b\":\"\\/\"} , "
           "\"traceparent\":\"00-1\", \"seq\":77, "
           "\"event_type\":\"\\u0078\",\"app\":[ 1 ], "
           "\"source_time\":\"17\",\"event_id\":\"e\\u002d1\",\"type\":\"event\"} \r\n");
  CHECK(rig.line(consumer) ==
        "{\"type\":\"event\",\"event_type\":\"\\u0078\",\"event_id\":\"e\\u002d1\",\"source_time\":\"17\","
        "\"seq\":1,"
        "\"traceparent\":\"00-1\",\"app\":[ 1 ],\"payload\":{\"a\": "
        "1.10,\"b\":18446744073709551616,\"b\":\"\\/\"}}");
  rig.send(source, R"({"type":"event","event_type":"y","event_id":"","source_time":null})"
                   "\n");
  CHECK(rig.line(consumer) == R"({"type":"event","event_type":"y","seq":2,"payload":null})");
}

TEST_CASE("Types are compared decoded") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", R"("\u0078")");
  PeerId source = rig.connect();
  rig.send(source, event(1));
  CHECK(rig.line(consumer) == got(1, 1));
}

TEST_CASE("A slow consumer loses its oldest events, counted, and sees the newest; nobody else loses any") {
  CoreRig rig(small_queues(4));
  PeerId slow = rig.consumer("k", "\"x\"");
  PeerId quick = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.set_room(slow, 0);
  for (int i = 1; i <= 10; ++i) rig.send(source, event(i));
  CHECK(rig.lines(quick).size() == 10);
  rig.set_room(slow, kEndless);
  CHECK(rig.lines(slow) == std::vector<std::string>{got(7, 7), got(8, 8), got(9, 9), got(10, 10)});
  StatusResponse status = rig.status();
  CHECK(status.consumers.at(0).dropped == 6);
  CHECK(status.consumers.at(0).delivered == 4);
  CHECK(status.consumers.at(1).dropped == 0);
  CHECK(status.events.dropped == 6);
}

TEST_CASE(
    "Nothing is dropped while the socket takes more, even when one read brings more than the queue holds") {
  CoreRig rig(small_queues(4));
  PeerId consumer = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  std::string burst;
  for (int i = 1; i <= 100; ++i) burst += event(i);
  rig.send(source, burst);
  CHECK(rig.lines(consumer).size() == 100);
  CHECK(rig.status().events.dropped == 0);
}

TEST_CASE("A control reply overtakes queued events and is never dropped") {
  CoreRig rig(small_queues(2));
  PeerId consumer = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.set_room(consumer, 0);
  for (int i = 1; i <= 5; ++i) rig.send(source, event(i));
  rig.send_line(consumer, R"({"type":"pre_shutdown_check","event_key":"k"})");
  rig.set_room(consumer, kEndless);
  CHECK(rig.lines(consumer) ==
        std::vector<std::string>{R"({"type":"pre_shutdown_ack","last_for_key":true})", got(4, 4), got(5, 5)});
}

TEST_CASE("An event id is taken once per source: by connection, or by name across connections") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", "\"x\"");
  std::string with_id = event(1, R"(,"event_id":"e")");
  PeerId anonymous = rig.connect();
  rig.send(anonymous, with_id);
  rig.send(anonymous, with_id);
  CHECK(rig.lines(consumer).size() == 1);
  PeerId another = rig.connect();
  rig.send(another, with_id);
  CHECK(rig.lines(consumer).size() == 1);
  PeerId named = rig.source("clock");
  rig.send(named, with_id);
  rig.hang_up(named);
  named = rig.source("clock");
  rig.lines(consumer);
  rig.send(named, with_id);
  CHECK(rig.lines(consumer).empty());
  CHECK(rig.status().events.duplicates == 2);

  rig.advance(seconds(300));
  rig.send(named, with_id);
  CHECK(rig.lines(consumer).size() == 1);
  rig.send(named, event(1, R"(,"event_id":"")"));
  rig.send(named, event(1, R"(,"event_id":"")"));
  CHECK(rig.lines(consumer).size() == 2);
}

TEST_CASE("An event that nobody takes is counted by type") {
  CoreRig rig;
  PeerId source = rig.connect();
  rig.send(source, event(1));
  rig.send(source, event(2));
  StatusResponse status = rig.status();
  CHECK(status.events.unmatched == 2);
  REQUIRE(status.unmatched_types.size() == 1);
  CHECK(status.unmatched_types[0] == StatusResponse::UnmatchedType{"x", 2});
}

TEST_CASE(
    "An event is refused when its frame with the largest seq would pass the cap, at exactly one byte above") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", "\"x\"");
  // {"type":"event","event_type":"x","seq":18446744073709551615,"payload":"…"}LF
  size_t around =
      std::string(R"({"type":"event","event_type":"x","seq":18446744073709551615,"payload":""})").size() + 1;
  std::string fits(kMaxFrameBytes - around, 'p');
  auto frame = [](const std::string& text) {
    return R"({"type":"event","event_type":"x","payload":")" + text + "\"}\n";
  };
  PeerId source = rig.connect();
  rig.send(source, frame(fits));
  CHECK(rig.lines(consumer).size() == 1);
  CHECK(rig.lines(source).empty());
  rig.send(source, frame(fits + "p"));
  CHECK(rig.lines(consumer).empty());
  CHECK(rig.line(source).find(R"({"type":"error","code":"frame_too_large")") == 0);
  CHECK(rig.is_open(source));
  rig.send(source, event(3));
  CHECK(rig.lines(consumer).size() == 1);
}

TEST_CASE("Source states are queued only when there is room") {
  CoreRig rig(small_queues(2));
  PeerId consumer = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.set_room(consumer, 0);
  rig.send(source, event(1) + event(2));
  rig.send_line(source, R"({"type":"source_status","source":"s","state":"connected"})");
  rig.set_room(consumer, kEndless);
  CHECK(rig.lines(consumer) == std::vector<std::string>{got(1, 1), got(2, 2)});
}
