#include "consumer/sources/core/log_ring.h"

#include "consumer/sources/core/back_off.h"
#include "consumer/sources/core/demand.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::sources;

TEST_CASE("A log keeps its newest lines, and numbers show what was dropped") {
  LogRing log(4096);
  CHECK(log.first() == log.next());
  for (int i = 1; i <= 1000; ++i) log.add(Stream::out, 1, i, "line " + std::to_string(i));
  CHECK(log.next() == 1001);
  CHECK(log.bytes() <= 4096);
  REQUIRE(log.first() > 1);
  CHECK(log.at(log.first()).text == "line " + std::to_string(log.first()));
  CHECK(log.at(1000).text == "line 1000");
  CHECK(log.at(1000).time_ms == 1000);
}

TEST_CASE("A line that is longer than a quarter of the log is cut between characters, and says so") {
  LogRing log(4096);
  std::string long_line;
  for (int i = 0; i < 1000; ++i) long_line += "é";
  log.add(Stream::err, 2, 5, "a" + long_line);
  const std::string& kept = log.at(1).text;
  CHECK(kept.substr(kept.size() - 18) == "é… (2001 bytes)");
  CHECK(log.at(1).stream == Stream::err);
  CHECK(log.at(1).run == 2);
}

TEST_CASE("What is no UTF-8 is replaced in a log") {
  LogRing log(4096);
  log.add(Stream::out, 1, 0, std::string_view("a\xFF\0b", 4));
  CHECK(log.at(1).text ==
        "a\xEF\xBF\xBD\xEF\xBF\xBD"
        "b");
}

TEST_CASE("A smaller log drops the oldest lines, but never the newest") {
  LogRing log(100'000);
  for (int i = 0; i < 100; ++i) log.add(Stream::out, 1, 0, std::string(100, 'x'));
  log.set_max_bytes(1);
  CHECK(log.first() + 1 == log.next());
}

TEST_CASE("The first restart after a good run comes at once, and later ones ever later, up to a minute") {
  BackOff back_off(7);
  CHECK(back_off.next(true) == Duration::zero());
  Duration total{};
  int starts = 2;  // the run, and the one that was started at once
  for (Duration wait = back_off.next(false); total + wait < seconds(10); wait = back_off.next(false)) {
    total += wait;
    ++starts;
  }
  CHECK(starts <= 8);
  for (int i = 0; i < 100; ++i) {
    Duration wait = back_off.next(false);
    if (i < 5) continue;
    CHECK(wait >= seconds(54));
    CHECK(wait <= seconds(66));
  }
  back_off.reset();
  CHECK(back_off.next(false) <= milliseconds(110));
}

TEST_CASE("The jitter of a back-off repeats with its seed, and differs between seeds") {
  BackOff one(7), same(7), other(8);
  CHECK(one.next(false) == same.next(false));
  CHECK(one.next(false) != other.next(false));
}

TEST_CASE("Many sources that fail together are not started together, and each within a tenth of its time") {
  int earlier = 0;
  int later = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    BackOff back_off(seed);
    for (Duration planned = BackOff::kFirst; planned < seconds(10); planned *= 2) {
      Duration wait = back_off.next(false);
      REQUIRE(wait >= planned - planned / 10);
      REQUIRE(wait <= planned + planned / 10);
      (wait < planned ? earlier : later) += 1;
    }
  }
  CHECK(earlier > 500);
  CHECK(later > 500);
}

TEST_CASE("A source is wanted by consumers of any of its types, or by requests") {
  Demand demand;
  CHECK_FALSE(demand.any());
  demand.set_consumers("a", 2);
  demand.set_consumers("b.*", 1);
  demand.set_consumers("a", 0);
  CHECK(demand.by_events());
  demand.set_consumers("b.*", 0);
  demand.set_consumers("c", 0);
  CHECK_FALSE(demand.any());
  demand.add_request();
  CHECK(demand.any());
  CHECK_FALSE(demand.by_events());
  demand.end_request();
  demand.set_consumers("a", 1);
  demand.forget_consumers();
  CHECK_FALSE(demand.any());
}
