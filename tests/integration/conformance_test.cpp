// A client over raw bytes goes through PROTOCOL.md sections 3 to 7, illegal transitions included; golden
// lines byte for byte where the order is fixed.
//
// Sections 1 and 2 are in framing_test.cpp; what needs a clock or a slow peer is in tests/unit/hub_core, what
// concerns processes and files in lifecycle_test.cpp.
#include <algorithm>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/integration/golden.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;

// ---- 3 and 4. Messages and connections

TEST_CASE("The golden hello is answered by the golden ack", "[handshake]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send_line(
      R"({"type":"hello","pid":4242,"event_key":"im.message","event_types":["im.message.receive_v1"],"version":"v1"})");
  client.expect_line(kFirst);
  RawClient source(hub.socket());
  source.send_line(
      R"({"type":"event","event_type":"im.message.receive_v1","event_id":"e-1","source_time":"1700000000000","payload":{"text":"hi"}})");
  client.expect_line(
      R"({"type":"event","event_type":"im.message.receive_v1","event_id":"e-1","source_time":"1700000000000","seq":1,"payload":{"text":"hi"}})");
  source.send_line(
      R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"attempt 2"})");
  client.expect_line(
      R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"attempt 2"})");
  client.send_line(R"({"type":"pre_shutdown_check","event_key":"im.message"})");
  client.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":true})");
  client.send_line(kBye);
  client.expect_eof();
}

TEST_CASE("Anything but hello, status_query, shutdown, event and source_status is refused as the first frame",
          "[handshake]") {
  HubProcess hub;
  for (const std::string& line :
       {kBye, kCheck, std::string(R"({"type":"hello_ack","bus_version":"v1","first_for_key":true})"),
        std::string(R"({"type":"pre_shutdown_ack","last_for_key":true})"),
        std::string(R"({"type":"error","code":"busy","message":"m"})")}) {
    RawClient client(hub.socket());
    client.send_line(line);
    client.expect_line_with(error("not_allowed"));
    client.expect_eof();
  }
  RawClient unknown(hub.socket());
  unknown.send_line(R"({"type":"quux"})");
  unknown.expect_line_with(error("unknown_type"));
  unknown.expect_eof();
}

TEST_CASE("After the first frame illegal messages are answered and change nothing", "[handshake]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  source.send_line(
      R"({"type":"hello","pid":1,"event_key":"","event_types":null,"version":"v1","role":"source","source":"s"})");
  source.expect_line(kNotFirst);
  consumer.expect_line(R"({"type":"source_status","source":"s","state":"connected"})");
  RawClient anonymous = publisher(hub);
  for (RawClient* client : {&consumer, &source, &anonymous}) {
    for (const std::string& line : {hello_line("k", {"x"}), std::string(R"({"type":"status_query"})"),
                                    std::string(R"({"type":"shutdown"})"), kFirst,
                                    std::string(R"({"type":"pre_shutdown_ack","last_for_key":true})")}) {
      client->send_line(line);
      client->expect_line_with(error("not_allowed"));
    }
    client->send_line(kEvent);
    consumer.expect_line_with(R"({"type":"event","event_type":"x","seq":)");
  }
}

TEST_CASE("Frames in the same segment as hello are handled after it, in order", "[handshake]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send(hello_line("k", {"x"}) + "\n" + kEvent + "\n" + kCheck + "\n" + kEvent + "\n" + kBye + "\n" +
              kEvent + "\n");
  client.expect_line(kFirst);
  auto rest = client.expect_end();
  // Control replies overtake events.
  std::sort(rest.begin(), rest.end());
  CHECK(rest == std::vector<std::string>{R"({"type":"event","event_type":"x","seq":1,"payload":null})",
                                         R"({"type":"event","event_type":"x","seq":2,"payload":null})",
                                         R"({"type":"pre_shutdown_ack","last_for_key":true})"});
}

TEST_CASE(
    "bye is answered by EOF when all that came before it is processed, and what comes after it is ignored",
    "[handshake]") {
  HubProcess hub;
  RawClient source(hub.socket());
  std::string burst;
  for (int i = 0; i < 5000; ++i) burst += kEvent + "\n";
  source.send(burst + kBye + "\n" + kEvent + "\n");
  source.expect_eof();
  CHECK(hub.status().events.published == 5000);
}

TEST_CASE("A shell's printf is a source", "[handshake]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient shell(hub.socket());
  shell.send(kEvent + "\n");
  shell.shutdown_write();
  shell.expect_eof();
  consumer.expect_line(R"({"type":"event","event_type":"x","seq":1,"payload":null})");
}

// ---- 5. Routing, order, loss

TEST_CASE("Events reach whoever names their type or a pattern of it, once each, in the order sent",
          "[routing]") {
  HubProcess hub;
  RawClient exact(hub.socket());
  exact.hello("k", {"build.done"});
  RawClient prefix(hub.socket());
  prefix.hello("k", {"build.*", "build.done", "*"});
  RawClient everything(hub.socket());
  everything.hello("k", {"*"});
  RawClient nothing(hub.socket());
  nothing.hello("build.done");
  RawClient source(hub.socket());
  for (const char* type : {"build.done", "build", "build.", "other"}) {
    source.send_line(std::string(R"({"type":"event","event_type":")") + type + "\"}");
  }
  source.send_line(R"({"type":"event","event_type":"build.done","payload":"last"})");
  exact.expect_line(R"({"type":"event","event_type":"build.done","seq":1,"payload":null})");
  exact.expect_line(R"({"type":"event","event_type":"build.done","seq":2,"payload":"last"})");
  uint64_t seq = 0;
  for (const char* type : {"build.done", "build", "build.", "other"}) {
    std::string line = R"({"type":"event","event_type":")" + std::string(type) + R"(","seq":)" +
                       std::to_string(++seq) + R"(,"payload":null})";
    everything.expect_line(line);
    prefix.expect_line(line);
  }
  nothing.round_trip();
  CHECK(nothing.quiet());
}

TEST_CASE("Members that the wire does not define are forwarded unchanged, a source's seq is not",
          "[routing]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  source.send_line(
      R"({"traceparent":"00-a","seq":9,"type":"event","app_id":{"n":[1.0]},"event_type":"x","payload":[]})");
  consumer.expect_line(
      R"({"type":"event","event_type":"x","seq":1,"traceparent":"00-a","app_id":{"n":[1.0]},"payload":[]})");
}

TEST_CASE("An event_id is taken once per source, an empty one always", "[routing]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  for (const char* id : {"a", "a", "b", "", ""}) {
    source.send_line(std::string(R"({"type":"event","event_type":"x","event_id":")") + id + "\"}");
  }
  source.send_line(kBye);
  source.expect_eof();
  consumer.expect_line(R"({"type":"event","event_type":"x","event_id":"a","seq":1,"payload":null})");
  consumer.expect_line(R"({"type":"event","event_type":"x","event_id":"b","seq":2,"payload":null})");
  consumer.expect_line(R"({"type":"event","event_type":"x","seq":3,"payload":null})");
  consumer.expect_line(R"({"type":"event","event_type":"x","seq":4,"payload":null})");
  CHECK(hub.status().events.duplicates == 1);
}

TEST_CASE(
    "A consumer that does not read loses its oldest events, counted, keeps its connection, and delays nobody",
    "[routing]") {
  HubProcess hub({"--queue-frames", "16"});
  RawClient slow(hub.socket());
  slow.hello("k", {"x"});
  RawClient quick(hub.socket());
  quick.hello("k", {"x"});
  RawClient source(hub.socket());
  std::string pad(1000, 'p');
  constexpr uint64_t kEvents = 3000;
  for (uint64_t i = 1; i <= kEvents; ++i) {
    source.send_line(R"({"type":"event","event_type":"x","payload":")" + pad + "\"}");
    quick.expect_line_with(R"("seq":)" + std::to_string(i) + ",");
  }
  StatusResponse status = hub.status();
  REQUIRE(status.consumers.size() == 2);
  const auto& c = status.consumers[0];
  CHECK(c.received == kEvents);
  CHECK(c.dropped > 0);
  CHECK(c.received == c.delivered + c.queued + c.dropped);
  CHECK(status.consumers[1].dropped == 0);
  uint64_t last = 0;
  uint64_t lost = 0;
  while (last < kEvents) {
    Event event = slow.read_as<Event>();
    REQUIRE(event.seq.value_or(0) > last);
    lost += *event.seq - last - 1;
    last = *event.seq;
  }
  CHECK(lost == c.dropped);
}

// ---- 6. First, last, clean-up

TEST_CASE("First, last and the clean-up lock, over real sockets", "[scopes]") {
  HubProcess hub;
  RawClient one(hub.socket());
  CHECK(one.hello("k").first_for_key);
  RawClient two(hub.socket());
  CHECK_FALSE(two.hello("k").first_for_key);
  two.send_line(kCheck);
  two.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":false})");
  two.close();
  hub.wait_for_status([](const StatusResponse& s) { return s.consumers.size() == 1; });
  one.send_line(R"({"type":"pre_shutdown_check","event_key":"someone else's"})");
  one.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":false})");
  one.send_line(kCheck);
  one.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":true})");

  RawClient waiter(hub.socket());
  waiter.send(hello_line("k", {"x"}) + "\n" + kEvent + "\n");
  RawClient gone(hub.socket());
  gone.send_line(hello_line("k"));
  RawClient elsewhere(hub.socket());
  CHECK(elsewhere.hello("another").first_for_key);
  StatusResponse locked = hub.wait_for_status(
      [](const StatusResponse& s) { return !s.cleanup_locks.empty() && s.cleanup_locks[0].waiting == 2; });
  CHECK(locked.cleanup_locks[0].scope == "k");
  gone.close();
  hub.wait_for_status([](const StatusResponse& s) { return s.cleanup_locks.at(0).waiting == 1; });
  CHECK(waiter.quiet());
  one.send_line(kBye);
  waiter.expect_line(kFirst);
  waiter.expect_line(R"({"type":"event","event_type":"x","seq":1,"payload":null})");
}

TEST_CASE("The holder's death releases the lock", "[scopes]") {
  HubProcess hub;
  RawClient holder(hub.socket());
  holder.hello("k");
  holder.send_line(kCheck);
  holder.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":true})");
  RawClient waiter(hub.socket());
  waiter.send_line(hello_line("k"));
  hub.wait_for_status([](const StatusResponse& s) { return s.cleanup_locks.at(0).waiting == 1; });
  holder.close();
  waiter.expect_line(kFirst);
}

TEST_CASE("A holder that keeps the lock beyond --cleanup-timeout is closed", "[scopes]") {
  HubProcess hub({"--cleanup-timeout", "200ms"});
  RawClient holder(hub.socket());
  holder.hello("k");
  holder.send_line(kCheck);
  holder.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":true})");
  RawClient waiter(hub.socket());
  waiter.send_line(hello_line("k"));
  holder.expect_end();
  waiter.expect_line(kFirst);
}

TEST_CASE("The sixty-fifth waiter of a scope is rejected", "[scopes]") {
  HubProcess hub;
  RawClient holder(hub.socket());
  holder.hello("k");
  holder.send_line(kCheck);
  holder.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":true})");
  std::vector<RawClient> waiters;
  for (int i = 0; i < 64; ++i) {
    waiters.emplace_back(hub.socket());
    waiters.back().send_line(hello_line("k"));
  }
  hub.wait_for_status([](const StatusResponse& s) { return s.cleanup_locks.at(0).waiting == 64; });
  RawClient refused(hub.socket());
  refused.send_line(hello_line("k"));
  HelloAck ack = refused.read_as<HelloAck>();
  CHECK(ack.rejected);
  CHECK_FALSE(ack.reject_reason.empty());
  refused.expect_eof();
  holder.close();
  waiters.front().expect_line(kFirst);
  for (size_t i = 1; i < waiters.size(); ++i) waiters[i].expect_line(kNotFirst);
}

TEST_CASE("An exclusive scope is answered by the golden rejection", "[scopes]") {
  HubProcess hub;
  RawClient holder(hub.socket());
  holder.send_line(
      R"({"type":"hello","pid":42,"event_key":"board","event_types":null,"version":"v1","exclusive":true})");
  holder.expect_line(kFirst);
  RawClient refused(hub.socket());
  refused.send_line(hello_line("board"));
  refused.expect_line(
      rejection_line("scope board is held exclusively by pid 42; stop that one, or wait until it ends"));
  refused.expect_eof();
}

// ---- 7. Status

TEST_CASE("A status query is answered once, then EOF, and is neither consumer nor connection", "[status]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send("{\"type\":\"status_query\"}\n{\"type\":\"status_query\"}\n");
  auto response = client.read_as<StatusResponse>();
  client.expect_eof();
  CHECK(response.pid == hub.pid());
  CHECK(response.active_conns == 0);
  CHECK(response.consumers.empty());
  CHECK(response.socket == hub.socket());
  CHECK(response.limits.queue_frames == 1024);
  CHECK(response.limits.frame_bytes == kMaxFrameBytes);
}

TEST_CASE("A status response begins with the members that old peers know, in their order, lists never null",
          "[status]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send_line(R"({"type":"status_query"})");
  std::string line = client.read_line();
  CHECK(line.find(R"({"type":"status_response","pid":)" + std::to_string(hub.pid()) + R"(,"uptime_sec":)") ==
        0);
  CHECK(line.find(R"(,"active_conns":0,"consumers":[],)") != std::string::npos);
  CHECK(line.find("null") == std::string::npos);
}

TEST_CASE("A response that would pass the frame cap is cut to fit and says so", "[status]") {
  HubProcess hub;
  std::vector<std::string> types;
  for (int i = 0; i < 256; ++i) types.push_back(std::string(240, 't') + std::to_string(i));
  std::vector<RawClient> clients;
  for (int i = 0; i < 24; ++i) {
    clients.emplace_back(hub.socket());
    clients.back().hello("k", types);
  }
  RawClient asks(hub.socket());
  asks.send_line(R"({"type":"status_query"})");
  std::string line = asks.read_line();
  CHECK(line.size() < kMaxFrameBytes);
  CHECK(line.find(R"("truncated":true)") != std::string::npos);
  CHECK(line.find(R"("active_conns":24)") != std::string::npos);
}
