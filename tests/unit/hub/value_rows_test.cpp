#include "hub/value_rows.h"

#include <limits>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

constexpr store::BootId kThisBoot{1};
constexpr store::BootId kNextBoot{2};
constexpr int64_t kYearMs = int64_t{365} * 24 * 3600 * 1000;

// `boot_ms` after the boot.
Moment moment(int64_t boot_ms, int64_t wall_ms, store::BootId boot = kThisBoot) {
  return {TimePoint(milliseconds(boot_ms)), wall_ms, boot};
}

ValueRow value(int64_t changed_ms, TimePoint expires = kNever) {
  ValueRow row;
  row.key = "k";
  row.rev = 9;
  row.state.version = 4;
  row.state.value = SharedText("[1]");
  row.state.uid = 1000;
  row.state.changed = TimePoint(milliseconds(changed_ms));
  row.state.expires = expires;
  return row;
}

}  // namespace

TEST_CASE("A row comes back from the store as it was") {
  Moment then = moment(5000, 1'700'000'000'000);
  KeptValues::Row row = from_row(to_row(value(4000, TimePoint(milliseconds(65'000))), then), then);
  CHECK(row.key == "k");
  CHECK(row.rev == 9);
  CHECK(row.state.version == 4);
  CHECK(*row.state.value == "[1]");
  CHECK(row.state.uid == 1000);
  CHECK(row.state.is_stored);
  CHECK_FALSE(row.state.expired);
  CHECK(row.state.changed == TimePoint(milliseconds(4000)));
  CHECK(row.state.expires == TimePoint(milliseconds(65'000)));
  CHECK(row.state.owner == 0);
}

TEST_CASE("A tombstone comes back without a time at which it expires") {
  ValueRow dead = value(1, TimePoint(milliseconds(3)));
  dead.state.value = nullptr;
  dead.state.expired = true;
  Moment then = moment(5, 1000);
  store::Row row = to_row(std::move(dead), then);
  CHECK_FALSE(row.expires);
  KeptValues::Row back = from_row(std::move(row), then);
  CHECK(back.state.value == nullptr);
  CHECK(back.state.expired);
  CHECK(back.state.expires == kNever);
}

TEST_CASE("In one boot of the machine a wall clock that is set moves no expiry") {
  store::Row row = to_row(value(4000, TimePoint(milliseconds(65'000))), moment(5000, 2 * kYearMs));
  for (int64_t wall : {int64_t{0}, kYearMs, 2 * kYearMs, 50 * kYearMs}) {
    KeptValues::Row back = from_row(row, moment(10'000, wall));
    CHECK(back.state.expires == TimePoint(milliseconds(65'000)));
  }
}

TEST_CASE("In another boot of the machine the wall clock says what is left") {
  store::Row row = to_row(value(4000, TimePoint(milliseconds(65'000))), moment(5000, 1'000'000));
  // 20 s later, and 2 s after the boot.
  KeptValues::Row back = from_row(row, moment(2000, 1'020'000, kNextBoot));
  CHECK(back.state.expires == TimePoint(milliseconds(42'000)));
  CHECK(back.state.changed == TimePoint(milliseconds(2000 - 21'000)));
}

TEST_CASE("Where the boot of the machine is not known, it is another one") {
  store::Row row = to_row(value(4000, TimePoint(milliseconds(65'000))), moment(5000, 1'000'000, {}));
  KeptValues::Row back = from_row(row, moment(5000, 1'020'000, {}));
  CHECK(back.state.expires == TimePoint(milliseconds(45'000)));
}

TEST_CASE("What expired while the hub did not run has expired when it starts") {
  store::Row row = to_row(value(4000, TimePoint(milliseconds(65'000))), moment(5000, 1'000'000));
  Moment same_boot = moment(65'000, 1'000'000);
  CHECK(from_row(row, same_boot).state.expires <= same_boot.boot_clock);
  Moment next_boot = moment(7, 1'060'000, kNextBoot);
  CHECK(from_row(row, next_boot).state.expires <= next_boot.boot_clock);
}

TEST_CASE("What expires in a fraction of a millisecond is never early") {
  TimePoint expires = TimePoint(milliseconds(65'000) + std::chrono::nanoseconds(1));
  Moment then = moment(5000, 1'000'000);
  CHECK(from_row(to_row(value(4000, expires), then), then).state.expires >= expires);
  CHECK(from_row(to_row(value(4000, expires), then), moment(5000, 1'000'000, kNextBoot)).state.expires >=
        expires);
}

TEST_CASE("No change is in the future, and none so old that its age overflows") {
  store::Row row = to_row(value(4000), moment(5000, 1'000'000));
  Moment before = moment(5000, 0);
  CHECK(from_row(row, before).state.changed == before.boot_clock);
  for (int64_t changed : {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    row.changed_ms = changed;
    Moment now = moment(5000, 1'700'000'000'000);
    Duration age = now.boot_clock - from_row(row, now).state.changed;
    CHECK(age >= Duration::zero());
    CHECK(age <= milliseconds(100 * kYearMs));
  }
}
