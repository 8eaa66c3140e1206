// The example of a room, in a core beside the rooms of the hub: what HACKING.md's "Adding a room" promises.
#include <memory>
#include <string>

#include "protocol/decode.h"
#include "protocol/encode.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/unit/hub_core/example_room/reminders.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

constexpr hub::MakeRoom kReminders[] = {
    [](hub::Hub& hub) -> std::unique_ptr<hub::Room> { return std::make_unique<example::Reminders>(hub); }};

struct Rig : CoreRig {
  explicit Rig(hub::HubConfig config = rig_config()) : CoreRig(std::move(config), kReminders) {}

  PeerId asker() { return consumer("k", "\"t\""); }
  size_t charged() { return status().memory.pools[static_cast<size_t>(hub::Pool::subscriptions)].used_bytes; }
};

std::string remind(int64_t after_ms, int64_t times = 1, const std::string& about = "tea") {
  return R"({"type":"remind","about":")" + about + R"(","after_ms":)" + std::to_string(after_ms) +
         R"(,"times":)" + std::to_string(times) + "}";
}
std::string reminder(int64_t nth) {
  return R"({"type":"reminder","about":"tea","nth":)" + std::to_string(nth) + "}";
}
bool is_error(const std::string& line, const std::string& code) {
  return line.starts_with(R"({"type":"error","code":")" + code + "\"");
}

}  // namespace

TEST_CASE("The example room's messages are read as they are written") {
  CHECK(decode_line<example::Remind>(remind(5, 3)) == example::Remind{"tea", 5, 3});
  CHECK(decode_line<example::Remind>(R"({"type":"remind","about":"tea"})") == example::Remind{"tea", 0, 1});
  CHECK(encode(example::Remind{"tea", 5, 3}) == remind(5, 3) + "\n");
  CHECK_FALSE(decode_line<example::Remind>(R"({"type":"remind","after_ms":5})"));
  CHECK(encode(example::Reminder{"tea", 2}) == reminder(2) + "\n");
}

TEST_CASE("The example room reminds when the time has come, and not before") {
  Rig rig;
  PeerId peer = rig.asker();
  rig.send_line(peer, remind(500));
  rig.advance(std::chrono::milliseconds(499));
  CHECK(rig.line(peer).empty());
  rig.advance(std::chrono::milliseconds(1));
  CHECK(rig.line(peer) == reminder(1));
}

TEST_CASE("The example room makes reminders as the socket takes them, and drops none") {
  Rig rig;
  PeerId peer = rig.asker();
  rig.set_room(peer, 0);
  rig.send_line(peer, remind(0, 100'000));
  rig.advance(Duration::zero());
  CHECK(rig.core.outbox(peer).empty());
  CHECK(rig.core.wants(peer).has_output);
  rig.set_room(peer, 1000);
  CHECK(rig.line(peer).starts_with("(23 lines) " + reminder(1)));
  rig.set_room(peer, kEndless);
  auto rest = rig.lines(peer);
  REQUIRE(rest.size() == 100'000 - 23);
  CHECK(rest.back() == reminder(100'000));
}

TEST_CASE("The example room's events and replies go ahead of its feed") {
  Rig rig;
  PeerId peer = rig.asker();
  rig.set_room(peer, 0);
  rig.send_line(peer, remind(0));
  rig.advance(Duration::zero());
  PeerId source = rig.source("s");
  rig.send_line(source, R"({"type":"event","event_type":"t"})");
  rig.set_room(peer, kEndless);
  auto lines = rig.lines(peer);
  REQUIRE(lines.size() == 3);
  CHECK(lines[1] == R"({"type":"event","event_type":"t","seq":1,"payload":null})");
  CHECK(lines[2] == reminder(1));
}

TEST_CASE("The example room answers what is not allowed, and remembers one plan for each peer") {
  Rig rig;
  PeerId peer = rig.asker();
  for (const std::string& wrong : {remind(-1), remind(60'001), remind(0, 0), remind(0, 1'000'001)}) {
    rig.send_line(peer, wrong);
    CHECK(is_error(rig.line(peer), "bad_frame"));
  }
  rig.send_line(peer, remind(60'000, 1'000'000));
  rig.send_line(peer, remind(10));
  CHECK(is_error(rig.line(peer), "not_allowed"));
  rig.send_line(peer, reminder(1));
  CHECK(is_error(rig.line(peer), "not_allowed"));

  PeerId other = rig.asker();
  rig.send_line(other, remind(10));
  rig.advance(std::chrono::milliseconds(10));
  CHECK(rig.line(other) == reminder(1));
  rig.send_line(other, remind(10));
  rig.advance(std::chrono::milliseconds(10));
  CHECK(rig.line(other) == reminder(1));

  PeerId first = rig.connect();
  rig.send_line(first, remind(10));
  CHECK(is_error(rig.line(first), "not_allowed"));
  CHECK_FALSE(rig.is_open(first));
}

TEST_CASE("The example room charges what it remembers, until it is made or the peer has gone") {
  Rig rig;
  PeerId peer = rig.asker();
  size_t before = rig.charged();
  rig.send_line(peer, remind(10, 1, std::string(100, 'x')));
  CHECK(rig.charged() == before + 100);
  rig.advance(std::chrono::milliseconds(10));
  CHECK(rig.charged() == before);
  rig.send_line(peer, remind(10));
  CHECK(rig.charged() > before);
  rig.hang_up(peer);
  CHECK(rig.charged() == 0);
}

TEST_CASE("The example room forgets the plan of a peer that leaves") {
  Rig rig;
  PeerId peer = rig.asker();
  rig.send_line(peer, remind(10));
  rig.send_line(peer, R"({"type":"bye"})");
  CHECK_FALSE(rig.is_open(peer));
  rig.advance(seconds(1));
  CHECK(rig.lines(peer).empty());
}

TEST_CASE("The example room has a section of status behind those of the hub, and metrics") {
  Rig rig;
  PeerId first = rig.asker();
  rig.send_line(first, remind(10));
  rig.send_line(rig.asker(), remind(500));
  rig.advance(std::chrono::milliseconds(10));
  std::string line = rig.core.status(StatusFormat::json, rig.clock);
  CHECK(line.find("},\"reminders\":{\"waiting\":1,\"due\":1}}\n") != std::string::npos);
  std::string metrics = rig.metrics();
  CHECK(metrics.find("# TYPE busd_reminders_waiting gauge\nbusd_reminders_waiting 1\n") != std::string::npos);
  CHECK(metrics.find("# TYPE busd_reminders_due_total counter\nbusd_reminders_due_total 1\n") !=
        std::string::npos);
}
