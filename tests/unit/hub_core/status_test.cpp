#include <string>
#include <utility>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/support/messages.h"

using namespace bus;
using namespace bus::test;
namespace hub = bus::hub;
using bus::hub::PeerId;

TEST_CASE("A status query is answered by one response and the end of the connection") {
  CoreRig rig;
  rig.consumer("k", "\"x\"");
  PeerId asks = rig.connect();
  rig.send(asks, "{\"type\":\"status_query\"}\n{\"type\":\"status_query\"}\n");
  auto lines = rig.lines(asks);
  REQUIRE(lines.size() == 1);
  CHECK_FALSE(rig.is_open(asks));
  Decoded decoded = decode(lines[0]);
  REQUIRE(std::holds_alternative<Message>(decoded));
  StatusResponse told = std::get<StatusResponse>(std::get<Message>(decoded));
  StatusResponse now = rig.status();
  // The connection that asked has gone since.
  REQUIRE(told.users.size() == 1);
  CHECK(told.users[0].connections == 2);
  told.users[0].connections = 1;
  told.memory = now.memory;
  CHECK(told == now);
}

TEST_CASE("Status says who is there and what became of every event") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", "\"x\",\"y.*\"", R"(,"subscription_id":"k:1","exclusive":true)");
  PeerId source = rig.source("clock");
  PeerId anonymous = rig.connect(kOurUid, 555);
  rig.set_room(consumer, 0);
  rig.send_line(source, R"({"type":"event","event_type":"x"})");
  rig.send_line(anonymous, R"({"type":"event","event_type":"nobody"})");
  rig.send_line(consumer, R"({"type":"pre_shutdown_check","event_key":"k","subscription_id":"k:1"})");
  rig.connect();  // in its handshake: not counted
  rig.clock += milliseconds(2500);

  // What a source sends is counted as consumers get it.
  uint64_t published_bytes = std::string(R"({"type":"event","event_type":"x","payload":null})").size() +
                             std::string(R"({"type":"event","event_type":"nobody","payload":null})").size() +
                             2;
  StatusResponse s = rig.status();
  CHECK(s.pid == 7);
  CHECK(s.uptime_sec == 2);
  CHECK(s.active_conns == 3);
  CHECK(s.version == "test");
  CHECK(s.bus == "bus");
  CHECK(s.socket == "/nowhere/bus.sock");
  REQUIRE(s.consumers.size() == 1);
  const auto& c = s.consumers[0];
  CHECK(c.pid == 42);
  CHECK(c.kernel_pid == 100);
  CHECK(c.uid == kOurUid);
  CHECK(c.event_key == "k");
  CHECK(c.subscription_id == "k:1");
  CHECK(c.event_types == std::vector<std::string>{"x", "y.*"});
  CHECK(c.received == 1);
  CHECK(c.queued == 1);
  CHECK(c.queued_bytes ==
        std::string(R"({"type":"event","event_type":"x","seq":1,"payload":null})").size() + 1);
  CHECK(c.delivered == 0);
  CHECK(c.connected_sec == 2);
  CHECK(c.exclusive);
  REQUIRE(s.sources.size() == 2);
  CHECK(s.sources[0] == StatusResponse::Source{"clock", SourceState::connected, 43, kOurUid, 1, 2500, 100});
  CHECK(s.sources[1] == StatusResponse::Source{"", SourceState::connected, 555, kOurUid, 1, 2500});
  CHECK(s.events == StatusResponse::Events{2, 0, 0, 0, 1, 0, published_bytes, 0});
  REQUIRE(s.cleanup_locks.size() == 1);
  CHECK(s.cleanup_locks[0] == StatusResponse::CleanupLock{"k:1", 42, 2500, 0});
  CHECK(s.limits.frame_bytes == kMaxFrameBytes);
  CHECK(s.limits.queue_frames == 1024);
  CHECK(s.limits.idle_exit_ms == -1);
}

TEST_CASE("Totals keep what those who left got and lost") {
  hub::HubConfig config = rig_config();
  config.queue.frames = 1;
  CoreRig rig(config);
  PeerId consumer = rig.consumer("k", "\"x\"");
  PeerId source = rig.connect();
  rig.send_line(source, R"({"type":"event","event_type":"x"})");
  rig.set_room(consumer, 0);
  for (int i = 0; i < 3; ++i) rig.send_line(source, R"({"type":"event","event_type":"x"})");
  rig.hang_up(consumer);
  StatusResponse s = rig.status();
  CHECK(s.events.published == 4);
  CHECK(s.events.delivered == 1);
  CHECK(s.events.delivered_bytes ==
        std::string(R"({"type":"event","event_type":"x","seq":1,"payload":null})").size() + 1);
  CHECK(s.events.dropped == 2);
}

TEST_CASE("The summary agrees with status, and whatever changes it is counted as a change") {
  hub::HubConfig config = rig_config();
  config.queue.frames = 2;
  CoreRig rig(config);
  uint64_t changes = rig.core.changes();
  auto census_is = [&](size_t consumers, size_t sources, uint64_t dropped) {
    hub::Summary summary = rig.core.summary();
    CHECK(summary.consumers == consumers);
    CHECK(summary.sources == sources);
    CHECK(summary.dropped == dropped);
    StatusResponse status = rig.status();
    CHECK(status.consumers.size() == consumers);
    CHECK(status.sources.size() == sources);
    CHECK(status.events.dropped == dropped);
  };
  auto changed = [&] { return std::exchange(changes, rig.core.changes()) != changes; };

  PeerId consumer = rig.consumer("k", "\"x\"");
  CHECK(changed());
  PeerId anonymous = rig.connect();
  rig.connect();  // in its handshake
  CHECK_FALSE(changed());
  census_is(1, 0, 0);
  rig.send_line(anonymous, R"({"type":"event","event_type":"x"})");
  CHECK(changed());
  census_is(1, 1, 0);
  // An event that is delivered changes nothing.
  rig.send_line(anonymous, R"({"type":"event","event_type":"x"})");
  CHECK_FALSE(changed());
  rig.set_room(consumer, 0);
  for (int i = 0; i < 5; ++i) rig.send_line(anonymous, R"({"type":"event","event_type":"x"})");
  CHECK(changed());
  census_is(1, 1, 3);
  rig.hang_up(anonymous);
  CHECK(changed());
  census_is(1, 0, 3);
  // What a consumer lost is not forgotten when it goes.
  rig.hang_up(consumer);
  CHECK(changed());
  census_is(0, 0, 3);
  // One that waits for a clean-up lock is none yet.
  PeerId holder = rig.consumer("k", "\"x\"");
  rig.send_line(holder, R"({"type":"pre_shutdown_check","event_key":"k"})");
  PeerId waits = rig.consumer("k", "\"x\"");
  CHECK(changed());
  census_is(1, 0, 3);
  rig.hang_up(holder);
  CHECK(changed());
  census_is(1, 0, 3);
  rig.send_line(waits, R"({"type":"bye"})");
  CHECK(changed());
  census_is(0, 0, 3);
}

TEST_CASE("Status has the members of the protocol in their order, each once") {
  CoreRig rig;
  rig.consumer("k", "\"x\"", R"(,"subscription_id":"k:1","exclusive":true)");
  PeerId source = rig.source("clock");
  rig.send_line(source, R"({"type":"event","event_type":"nobody"})");
  PeerId leaving = rig.consumer("k2", "");
  rig.send_line(leaving, R"({"type":"pre_shutdown_check","event_key":"k2"})");
  CHECK(rig.core.status(StatusFormat::json, rig.clock) == encode(rig.status()));
}

TEST_CASE("A query for metrics is answered by them alone, in one response") {
  CoreRig rig;
  rig.consumer("k", "\"x\"", R"(,"subscription_id":"k\"1")");
  PeerId source = rig.source("clock");
  rig.send_line(source, R"({"type":"event","event_type":"x"})");
  rig.clock += milliseconds(1500);
  PeerId asks = rig.connect();
  rig.send_line(asks, R"({"type":"status_query","format":"prometheus"})");
  std::string line = rig.line(asks);
  CHECK_FALSE(rig.is_open(asks));
  CHECK(line.find(R"({"type":"status_response","metrics":"# HELP )") == 0);
  auto answer = decode_line<StatusAnswer>(line);
  REQUIRE(answer);
  for (std::string_view series : {
           "\nbusd_info{version=\"test\"} 1\n",
           "\nbusd_uptime_seconds 1\n",
           "\nbusd_events_published_total 1\n",
           "\nbusd_source_events_published_total{source=\"clock\"} 1\n",
           "\nbusd_source_state{source=\"clock\",state=\"connected\"} 1\n",
           "\nbusd_source_last_event_age_seconds{source=\"clock\"} 1.5\n",
           "\nbusd_limit_user_share_ratio 0.25\n",
           "\nbusd_memory_pool_refusals_total{pool=\"queues\"} 0\n",
           "\nbusd_status_truncated{list=\"consumers\"} 0\n",
       }) {
    CAPTURE(series);
    CHECK(answer->metrics.find(series) != std::string::npos);
  }
  std::string labels = R"(,pid="42",event_key="k",subscription_id="k\"1"} 1)";
  CHECK(answer->metrics.find(labels) != std::string::npos);
}

TEST_CASE("Two connections of one program with one key are different series") {
  CoreRig rig;
  rig.consumer("k", "\"x\"");
  rig.consumer("k", "\"x\"");
  std::string text = rig.metrics();
  size_t first = text.find("busd_consumer_queued_events{");
  size_t second = text.find("busd_consumer_queued_events{", first + 1);
  REQUIRE(second != std::string::npos);
  auto line_at = [&](size_t at) { return text.substr(at, text.find('\n', at) - at); };
  CHECK(line_at(first) != line_at(second));
}

TEST_CASE("Anonymous sources are in status, and are no series, which would end with them") {
  CoreRig rig;
  rig.send_line(rig.connect(), R"({"type":"event","event_type":"x"})");
  CHECK(rig.status().sources.size() == 1);
  CHECK(rig.metrics().find("busd_source_") == std::string::npos);
}
