// A wall clock that is set back and forth by years at each look at it: only monotonic time matters to the
// hub.
//
// The clock is a preloaded one (clock_jump.c); the machine's own is not touched.
#include <set>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/integration/jumping_clock.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

TEST_CASE("A clock that jumps by years moves no deadline of a handshake, and ages nobody", "[handshake]") {
  TempDir directory;
  HubProcess hub(directory, {"--log-level", "debug", "--log-file", directory.file("hub.log")},
                 with_jumping_clock());
  RawClient consumer(hub.socket());
  CHECK(consumer.hello("k", {"t"}).first_for_key);
  Stopwatch silence;
  RawClient silent(hub.socket());
  auto error = silent.read_as<ErrorMessage>();
  CHECK(error.code == ErrorCode::timeout);
  CHECK(silence.elapsed() >= seconds(5) - milliseconds(10));
  silent.expect_eof();
  StatusResponse status = hub.status();
  CHECK(status.connections.timed_out == 1);
  CHECK(status.connections.accepted == 3);
  CHECK(status.uptime_sec >= 5);
  CHECK(status.uptime_sec < 60);
  REQUIRE(status.consumers.size() == 1);
  CHECK(status.consumers[0].connected_sec < 60);
  // Each line of the log is a look at that clock: if the years do not show there, nothing was tested.
  auto log = read_file(directory.file("hub.log"), 1 << 20);
  REQUIRE(log);
  std::set<std::string> years;
  for (size_t at = 0; (at = log->find("time=", at)) != std::string::npos; at += 5)
    years.insert(log->substr(at + 5, 4));
  CHECK(years.size() == 2);
  hub.stop();
}

TEST_CASE("A clock that jumps by years does not end an idle hub before its time, nor keep it beyond",
          "[idle]") {
  Stopwatch since_start;
  HubProcess hub({"--idle-exit", "300ms", "--log-level", "debug"}, with_jumping_clock());
  hub.expect_clean_exit();
  CHECK(since_start.elapsed() >= milliseconds(300));
  CHECK(hub.log().find("reason=\"idle\"") != std::string::npos);
}

TEST_CASE("A clock that jumps by years frees a clean-up lock when its time is over, not before", "[lock]") {
  HubProcess hub({"--cleanup-timeout", "300ms", "--log-level", "debug"}, with_jumping_clock());
  RawClient holder(hub.socket());
  holder.hello("k", {"t"});
  Stopwatch held;
  holder.send_line(R"({"type":"pre_shutdown_check","event_key":"k"})");
  CHECK(holder.read_as<PreShutdownAck>().last_for_key);
  RawClient waiter(hub.socket());
  CHECK(waiter.hello("k", {"t"}).first_for_key);
  CHECK(held.elapsed() >= milliseconds(290));
  holder.expect_end();
  CHECK(hub.status().connections.cleanup_timeouts == 1);
  hub.stop();
}

TEST_CASE("A clock that jumps by years opens no window for repetitions", "[dedup]") {
  HubProcess hub({"--log-level", "debug"}, with_jumping_clock());
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  RawClient source(hub.socket());
  for (const char* payload : {"1", "2", "3"}) {
    source.send_line(R"({"type":"event","event_type":"t","event_id":"same","payload":)" +
                     std::string(payload) + "}");
    source.round_trip();
  }
  CHECK(consumer.read_as<Event>().payload == "1");
  StatusResponse status = hub.status();
  CHECK(status.events.published == 1);
  CHECK(status.events.duplicates == 2);
  hub.stop();
}
