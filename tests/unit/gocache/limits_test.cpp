#include "consumer/gocache/core/limits.h"

#include "tests/unit/gocache/support.h"

using namespace bus::gocache;

namespace {

constexpr int64_t kNow = int64_t{1'790'000'000} * kSecondNs;
constexpr Limits kNone{UINT64_MAX, INT64_MAX, 0};

// `count` files of `bytes`, the newest an hour old and each other an hour older.
Ages hourly(int count, uint64_t bytes) {
  Ages out;
  for (int i = 1; i <= count; ++i) out.add(kNow - i * kHourNs, bytes);
  return out;
}

// How many of those would go.
int gone(int64_t cutoff, int count) {
  int out = 0;
  for (int i = 1; i <= count; ++i) out += kNow - i * kHourNs < cutoff ? 1 : 0;
  return out;
}

}  // namespace

TEST_CASE("Within the limits, only age takes files") {
  Ages ages = hourly(100, 10);
  CHECK(ages.total() == 1000);
  CHECK(ages.cutoff({1000, 50 * kHourNs, 0}, kNow, 0) == kNow - 50 * kHourNs);
  CHECK(gone(ages.cutoff({1000, INT64_MAX, 0}, kNow, 0), 100) == 0);
}

TEST_CASE("Above the size limit, the oldest go until a tenth of it is free") {
  Ages ages = hourly(100, 10);
  // 1000 are there, 990 may be, so 891 are to stay.
  CHECK(gone(ages.cutoff({990, INT64_MAX, 0}, kNow, 0), 100) == 11);
  CHECK(gone(ages.cutoff({999, INT64_MAX, 0}, kNow, 0), 100) == 11);
  CHECK(gone(ages.cutoff({500, INT64_MAX, 0}, kNow, 0), 100) == 55);
  CHECK(gone(ages.cutoff({0, INT64_MAX, 0}, kNow, 0), 100) == 100);
}

TEST_CASE("Where the disk has less free than it should, the oldest go until it has") {
  Ages ages = hourly(100, 10);
  CHECK(gone(ages.cutoff({UINT64_MAX, INT64_MAX, 500}, kNow, 500), 100) == 0);
  CHECK(gone(ages.cutoff({UINT64_MAX, INT64_MAX, 500}, kNow, 499), 100) == 1);
  CHECK(gone(ages.cutoff({UINT64_MAX, INT64_MAX, 500}, kNow, 200), 100) == 30);
  // What others fill is not ours to give.
  CHECK(gone(ages.cutoff({UINT64_MAX, INT64_MAX, 50'000}, kNow, 0), 100) == 100);
}

TEST_CASE("The strictest of the limits counts") {
  Ages ages = hourly(100, 10);
  CHECK(gone(ages.cutoff({500, 10 * kHourNs, 0}, kNow, 0), 100) == 90);
  CHECK(gone(ages.cutoff({500, 80 * kHourNs, 400}, kNow, 0), 100) == 55);
  CHECK(gone(ages.cutoff({500, 80 * kHourNs, 700}, kNow, 0), 100) == 70);
}

TEST_CASE("What claims to come from the future is the newest, and goes last") {
  Ages ages;
  ages.add(kNow + 365 * kDayNs, 100);
  ages.add(kNow - kHourNs, 100);
  int64_t cutoff = ages.cutoff({199, INT64_MAX, 0}, kNow, 0);
  CHECK(cutoff > kNow - kHourNs);
  CHECK(cutoff <= kNow + 365 * kDayNs);
  CHECK(ages.cutoff({200, kDayNs, 0}, kNow, 0) == kNow - kDayNs);
}

TEST_CASE("An empty cache has nothing to lose, and the widest limits do not overflow") {
  CHECK(Ages().cutoff({0, kDayNs, 0}, kNow, 0) == kNow - kDayNs);
  CHECK(Ages().cutoff({0, kDayNs, UINT64_MAX}, kNow, 0) == kNow - kDayNs);
  CHECK(hourly(3, UINT64_MAX / 4).cutoff(kNone, kNow, 0) == kNow - INT64_MAX);
}
