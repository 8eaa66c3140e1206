#include "hub/boot_timer.h"

#include "protocol/event/timer.h"
#include "tests/support/catch.h"

using namespace bus;
using bus::hub::boot_now;
using bus::hub::BootTimer;

namespace {

class Rig {
 public:
  Rig() {
    auto loop = Loop::create();
    REQUIRE(loop);
    loop_ = std::move(*loop);
    auto timer = BootTimer::create(*loop_, [this] {
      came_.push_back(boot_now());
      if (then_) then_();
      if (came_.size() == wanted_) loop_->stop();
    });
    REQUIRE(timer);
    timer_ = std::move(*timer);
  }
  BootTimer& timer() { return *timer_; }
  void then(std::function<void()> what) { then_ = std::move(what); }
  // Until it has come so often; fails when it does not.
  const std::vector<TimePoint>& run_until(size_t times) {
    wanted_ = times;
    bool is_late = false;
    Timer guard(*loop_, [&] {
      is_late = true;
      loop_->stop();
    });
    guard.set(now() + seconds(10));
    loop_->run();
    REQUIRE_FALSE(is_late);
    return came_;
  }
  size_t times_within(Duration time) {
    wanted_ = 0;
    Timer end(*loop_, [this] { loop_->stop(); });
    end.set(now() + time);
    loop_->run();
    return came_.size();
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<BootTimer> timer_;
  std::vector<TimePoint> came_;
  std::function<void()> then_;
  size_t wanted_ = 0;
};

}  // namespace

TEST_CASE("A boot timer comes once, at its time or later") {
  Rig rig;
  TimePoint due = boot_now() + milliseconds(20);
  rig.timer().set(due);
  CHECK(rig.run_until(1).front() >= due);
  CHECK(rig.times_within(milliseconds(30)) == 1);
}

TEST_CASE("A time that is over comes at once, also that of the boot itself") {
  for (TimePoint due : {boot_now() - seconds(1), TimePoint{}, TimePoint::min()}) {
    Rig rig;
    rig.timer().set(due);
    CHECK(rig.run_until(1).size() == 1);
  }
}

TEST_CASE("A boot timer that is moved to a later time does not come at the earlier one") {
  Rig rig;
  TimePoint due = boot_now() + milliseconds(60);
  rig.timer().set(boot_now() + milliseconds(10));
  rig.timer().set(due);
  CHECK(rig.run_until(1).front() >= due);
}

TEST_CASE("A boot timer that is moved to an earlier time comes then") {
  Rig rig;
  rig.timer().set(boot_now() + std::chrono::hours(1));
  rig.timer().set(boot_now() + milliseconds(10));
  CHECK(rig.run_until(1).size() == 1);
}

TEST_CASE("A boot timer that is cleared does not come, and can be set again") {
  Rig rig;
  rig.timer().set(boot_now() + milliseconds(10));
  rig.timer().set(kNever);
  CHECK(rig.times_within(milliseconds(30)) == 0);
  rig.timer().set(boot_now());
  CHECK(rig.run_until(1).size() == 1);
}

TEST_CASE("A boot timer can be set by its own callback") {
  Rig rig;
  rig.then([&] { rig.timer().set(boot_now() + milliseconds(1)); });
  rig.timer().set(boot_now());
  CHECK(rig.run_until(5).size() == 5);
}
