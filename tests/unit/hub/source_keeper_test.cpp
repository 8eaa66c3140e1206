#include "hub/source_keeper.h"

#include "tests/support/catch.h"

using namespace bus;
using bus::hub::RestartWait;

TEST_CASE("Each failure of bus-sources doubles the wait before the next start, up to a minute") {
  RestartWait wait;
  for (int ms : {100, 200, 400, 800, 1600, 3200, 6400, 12'800, 25'600, 51'200, 60'000, 60'000})
    CHECK(wait.after(milliseconds(0)) == milliseconds(ms));
}

TEST_CASE("After a run of 10 s the next failure of bus-sources counts as the first one") {
  RestartWait wait;
  for (int i = 0; i < 20; ++i) (void)wait.after(milliseconds(0));
  CHECK(wait.after(RestartWait::kGoodRun - milliseconds(1)) == RestartWait::kLongest);
  CHECK(wait.after(RestartWait::kGoodRun) == RestartWait::kFirst);
  CHECK(wait.after(milliseconds(0)) == 2 * RestartWait::kFirst);
}
