#include "protocol/event/turn_times.h"

#include <numeric>

#include "tests/support/catch.h"

using namespace bus;

namespace {

using std::chrono::microseconds;

// Callbacks on a clock that the test sets, of the day and of the processor.
struct Turns {
  TurnTimes times;
  TimePoint clock = TimePoint{} + seconds(1000);
  Duration processor = seconds(5);
  int asked = 0;

  void turn(Duration used, Duration waited = {}) {
    times.begin(clock);
    clock += used + waited;
    processor += used;
    times.end(clock, [this] {
      ++asked;
      return processor;
    });
  }
  size_t bucket(size_t i) const { return times.counts()[i]; }
};

}  // namespace

TEST_CASE("TurnTimes counts callbacks by how long they took, bounds included") {
  Turns turns;
  turns.turn(microseconds(100));
  turns.turn(microseconds(101));
  turns.turn(microseconds(10'000));
  turns.turn(microseconds(10'001));
  CHECK(turns.bucket(0) == 1);
  CHECK(turns.bucket(1) == 1);
  CHECK(turns.bucket(6) == 1);
  CHECK(turns.bucket(7) == 1);
  CHECK(turns.times.count() == 4);
  CHECK(std::accumulate(turns.times.counts().begin(), turns.times.counts().end(), uint64_t{0}) == 4);
  CHECK(turns.times.longest() == microseconds(10'001));
  CHECK(turns.times.total() == microseconds(100 + 101 + 10'000 + 10'001));
}

TEST_CASE("TurnTimes does not take waiting for a processor for work") {
  Turns turns;
  turns.turn(microseconds(10));
  turns.turn(microseconds(50), seconds(7));
  CHECK(turns.times.longest() < microseconds(600));
  CHECK(turns.times.longest_elapsed() == seconds(7) + microseconds(50));
}

TEST_CASE("TurnTimes asks for the processor's time once in half a millisecond, not for each callback") {
  Turns turns;
  turns.turn(microseconds(1));
  int before = turns.asked;
  for (int i = 0; i < 1000; ++i) turns.turn(microseconds(10));
  CHECK(turns.asked - before >= 19);
  CHECK(turns.asked - before <= 20);
  CHECK(turns.times.longest() <= microseconds(10));
}

TEST_CASE("A callback is never charged with more than half a millisecond of others") {
  Turns turns;
  for (int i = 0; i < 100; ++i) {
    turns.turn(microseconds(400), microseconds(i));
    turns.turn(microseconds(600), microseconds(i * 10));
  }
  CHECK(turns.times.longest() >= microseconds(600));
  CHECK(turns.times.longest() <= microseconds(1100));
}
