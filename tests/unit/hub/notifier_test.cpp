#include "hub/notifier.h"

#include <memory>
#include <string>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using namespace bus::test;

namespace {

// A notifier, its loop, and the manager that it tells.
struct Rig {
  explicit Rig(Duration watchdog = Duration::max()) {
    auto made = Loop::create();
    REQUIRE(made);
    loop = std::move(*made);
    notifier = std::make_unique<Notifier>(
        *loop, ServiceManager{socket.name(), watchdog},
        [this] {
          ++asked;
          return status;
        },
        log);
  }
  // Runs the loop until a datagram is there; empty when none comes in `patience`.
  std::string next(Duration patience = seconds(10)) {
    TimePoint deadline = now() + patience;
    for (;;) {
      std::string text = socket.take(milliseconds(0));
      if (!text.empty() || now() >= deadline) return text;
      Timer end(*loop, [this] { loop->stop(); });
      end.set(now() + milliseconds(5));
      loop->run();
    }
  }

  TempDir dir;
  NotifySocket socket{dir.file("notify")};
  Log log{LogLevel::error};
  std::string status = "at rest";
  int asked = 0;
  std::unique_ptr<Loop> loop;
  std::unique_ptr<Notifier> notifier;
};

}  // namespace

TEST_CASE("A notifier tells that the hub is ready, reloads, and stops, in this order") {
  Rig rig;
  rig.notifier->ready();
  CHECK(rig.next() == "READY=1\nSTATUS=at rest\n");
  rig.notifier->reloading();
  std::string reload = rig.next();
  CHECK(reload.starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(reload.ends_with("\n"));
  rig.notifier->ready();
  CHECK(rig.next() == "READY=1\nSTATUS=at rest\n");
  rig.notifier->stopping("idle");
  CHECK(rig.next() == "STOPPING=1\nSTATUS=stopping: idle\n");
  rig.notifier->reloading();
  rig.notifier->ready();
  rig.notifier->changes(99);
  CHECK(rig.next(milliseconds(20)).empty());
}

TEST_CASE("A notifier without a manager sends nothing, and never asks for a status") {
  auto loop = Loop::create();
  REQUIRE(loop);
  Log log;
  int asked = 0;
  Notifier notifier(
      **loop, ServiceManager{},
      [&] {
        ++asked;
        return std::string();
      },
      log);
  notifier.ready();
  notifier.reloading();
  notifier.changes(1);
  notifier.stopping("idle");
  CHECK(asked == 0);
}

TEST_CASE("A status is told once a second at most, and only when it differs") {
  Rig rig;
  TimePoint told = now();
  rig.notifier->ready();
  CHECK(rig.next() == "READY=1\nSTATUS=at rest\n");
  for (uint64_t change = 1; change <= 1000; ++change) rig.notifier->changes(change);
  rig.status = "busy";
  CHECK(rig.asked == 1);
  CHECK(rig.next() == "STATUS=busy\n");
  CHECK(now() - told >= kStatusEvery);
  CHECK(rig.asked == 2);
  // The same status again: looked at, and not told.
  rig.notifier->changes(1001);
  CHECK(rig.next(kStatusEvery + milliseconds(100)).empty());
  CHECK(rig.asked == 3);
  // And nothing is looked at while nothing changes.
  rig.notifier->changes(1001);
  CHECK(rig.next(kStatusEvery + milliseconds(100)).empty());
  CHECK(rig.asked == 3);
}

TEST_CASE("Signs of life come twice in the interval, from the loop alone") {
  Rig rig(milliseconds(100));
  CHECK(rig.next(milliseconds(20)).empty());
  TimePoint start = now();
  rig.notifier->ready();
  CHECK(rig.next() == "READY=1\nSTATUS=at rest\n");
  CHECK(rig.next() == "WATCHDOG=1\n");
  for (int i = 0; i < 4; ++i) CHECK(rig.next() == "WATCHDOG=1\n");
  // The first at once, then four intervals.
  CHECK(now() - start >= 4 * milliseconds(50));
  // The loop does not run: silence, for longer than the manager waits.
  CHECK(rig.socket.take(milliseconds(150)).empty());
}

TEST_CASE("What a busy manager does not take comes later, the latest of each kind in one datagram") {
  Rig rig;
  rig.socket.fill();
  TimePoint start = now();
  rig.notifier->ready();
  rig.notifier->reloading();
  rig.status = "reloaded";
  rig.notifier->ready();
  CHECK(now() - start < seconds(1));
  rig.socket.drain_stuffing();
  CHECK(rig.next() == "READY=1\nSTATUS=reloaded\n");
  CHECK(rig.next(milliseconds(150)).empty());
}

TEST_CASE("A manager that is gone is nobody's concern") {
  Rig rig(milliseconds(20));
  REQUIRE(::unlink(rig.socket.name().c_str()) == 0);
  rig.notifier->ready();
  CHECK(rig.next(milliseconds(50)).empty());
  rig.notifier->stopping("idle");
}
