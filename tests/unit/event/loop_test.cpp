#include "protocol/event/loop.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/later.h"
#include "protocol/event/signal_watch.h"
#include "protocol/event/timer.h"
#include "tests/support/catch.h"

using namespace bus;

namespace {

std::unique_ptr<Loop> make_loop() {
  auto loop = Loop::create();
  REQUIRE(loop);
  return std::move(*loop);
}

// Runs the loop until something in it calls stop(); fails when nothing does.
void run_bounded(Loop& loop) {
  bool late = false;
  Timer guard(loop, [&] {
    late = true;
    loop.stop();
  });
  guard.set(now() + seconds(10));
  loop.run();
  REQUIRE_FALSE(late);
}

// Runs the loop for a while, for things that must not happen.
void run_for(Loop& loop, Duration time) {
  Timer end(loop, [&] { loop.stop(); });
  end.set(now() + time);
  loop.run();
}

struct Pair {
  Pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  void fill() {
    std::array<char, 4096> zeros{};
    while (::send(ours.get(), zeros.data(), zeros.size(), MSG_NOSIGNAL) > 0) {
    }
  }
  Fd ours;
  Fd theirs;
};

}  // namespace

TEST_CASE("Timer comes once, not before its time, and can be moved and cleared") {
  auto loop = make_loop();
  int calls = 0;
  TimePoint came;
  auto grain = GENERATE(Timer::Grain::coarse, Timer::Grain::fine);
  Timer timer(
      *loop,
      [&] {
        ++calls;
        came = now();
        loop->stop();
      },
      grain);
  SECTION("as set") {
    TimePoint due = now() + milliseconds(30);
    timer.set(due);
    run_bounded(*loop);
    CHECK(came >= due);
  }
  SECTION("moved to later") {
    timer.set(now() + milliseconds(1));
    TimePoint due = now() + milliseconds(60);
    timer.set(due);
    run_bounded(*loop);
    CHECK(came >= due);
  }
  SECTION("moved to earlier") {
    timer.set(now() + std::chrono::hours(5));
    timer.set(now() + milliseconds(5));
    run_bounded(*loop);
  }
  SECTION("in the past") {
    timer.set(now() - seconds(1));
    run_bounded(*loop);
  }
  run_for(*loop, milliseconds(30));
  CHECK(calls == 1);
  CHECK(timer.due() == kNever);
}

TEST_CASE("Timer that was cleared does not come") {
  auto loop = make_loop();
  Timer timer(*loop, [&] { FAIL("it came"); });
  timer.set(now() + milliseconds(5));
  timer.clear();
  run_for(*loop, milliseconds(30));
}

TEST_CASE(
    "Loop runs the end-of-turn hook after each callback, when nothing of the callback is on the stack") {
  auto loop = make_loop();
  std::vector<std::string> order;
  auto timer = std::make_unique<Timer>(*loop, [&] { order.push_back("callback"); });
  loop->on_end_of_turn([&] {
    order.push_back("end");
    timer.reset();
    loop->stop();
  });
  timer->set(now());
  loop->run();
  CHECK(order == std::vector<std::string>{"callback", "end"});
}

TEST_CASE("SignalWatch turns a signal into a turn") {
  auto loop = make_loop();
  int calls = 0;
  SignalWatch watch(*loop, SIGUSR1, [&] {
    ++calls;
    loop->stop();
  });
  ::kill(::getpid(), SIGUSR1);
  run_bounded(*loop);
  CHECK(calls == 1);
}

TEST_CASE("A signal that comes after its SignalWatch has gone does nothing") {
  auto loop = make_loop();
  {
    SignalWatch watch(*loop, SIGUSR2, [] { FAIL("it came"); });
  }
  REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
  run_for(*loop, milliseconds(1));
  SUCCEED("and we live");
}

namespace {

struct Calls : FdWatch::Handler {
  Calls(std::function<void()> readable, std::function<void()> writable)
      : readable_(std::move(readable)), writable_(std::move(writable)) {}
  void on_readable() override { readable_(); }
  void on_writable() override { writable_(); }

 private:
  std::function<void()> readable_;
  std::function<void()> writable_;
};

}  // namespace

TEST_CASE("FdWatch tells of input as long as there is some, and of room only when that is wanted") {
  auto loop = make_loop();
  Pair pair;
  int readable = 0;
  int writable = 0;
  Calls calls(
      [&] {
        if (++readable == 3) loop->stop();
      },
      [&] {
        ++writable;
        loop->stop();
      });
  FdWatch watch(*loop, pair.ours.get(), calls);
  REQUIRE(watch.set(FdWatch::Mode::reading, false));
  REQUIRE(::write(pair.theirs.get(), "x", 1) == 1);
  run_bounded(*loop);
  CHECK(readable == 3);
  CHECK(writable == 0);
  char byte = 0;
  REQUIRE(::read(pair.ours.get(), &byte, 1) == 1);
  REQUIRE(watch.set(FdWatch::Mode::reading, true));
  run_bounded(*loop);
  CHECK(writable == 1);
  REQUIRE(watch.set(FdWatch::Mode::off, false));
  REQUIRE(::write(pair.theirs.get(), "x", 1) == 1);
  run_for(*loop, milliseconds(20));
  CHECK(readable == 3);
}

TEST_CASE("FdWatch in quiet mode does not spin on a half-closed peer, and notices when it really goes") {
  auto loop = make_loop();
  Pair pair;
  int changes = 0;
  bool gone = false;
  Calls calls(
      [&] {
        ++changes;
        gone = peer_hung_up(pair.ours.get());
        if (gone) loop->stop();
      },
      [] {});
  FdWatch watch(*loop, pair.ours.get(), calls);
  bool blocked = GENERATE(false, true);
  bool unread = GENERATE(false, true);
  // What the peer leaves unread turns its end into an error of our socket.
  if (unread) REQUIRE(::write(pair.ours.get(), "x", 1) == 1);
  if (blocked) pair.fill();
  ::shutdown(pair.theirs.get(), SHUT_WR);
  REQUIRE(watch.set(FdWatch::Mode::quiet, blocked));
  run_for(*loop, milliseconds(50));
  CHECK(changes <= 2);
  CHECK_FALSE(gone);
  CHECK_FALSE(peer_hung_up(pair.ours.get()));
  pair.theirs.reset();
  run_bounded(*loop);
  CHECK(gone);
}

TEST_CASE("FdWatch in quiet mode tells when a blocked socket has room again, and wakes when asked") {
  auto loop = make_loop();
  Pair pair;
  int writable = 0;
  Calls calls([] {},
              [&] {
                ++writable;
                loop->stop();
              });
  FdWatch watch(*loop, pair.ours.get(), calls);
  pair.fill();
  REQUIRE(watch.set(FdWatch::Mode::quiet, true));
  run_for(*loop, milliseconds(10));
  CHECK(writable == 0);
  std::array<char, 65536> chunk{};
  while (::read(pair.theirs.get(), chunk.data(), chunk.size()) > 0) {
  }
  run_bounded(*loop);
  CHECK(writable == 1);
  watch.wake_writer();
  run_bounded(*loop);
  CHECK(writable == 2);
}

TEST_CASE("FdWatch goes from quiet back to reading and finds what arrived meanwhile") {
  auto loop = make_loop();
  Pair pair;
  int readable = 0;
  Calls calls(
      [&] {
        ++readable;
        loop->stop();
      },
      [] {});
  FdWatch watch(*loop, pair.ours.get(), calls);
  REQUIRE(watch.set(FdWatch::Mode::quiet, false));
  REQUIRE(::write(pair.theirs.get(), "x", 1) == 1);
  run_bounded(*loop);
  run_for(*loop, milliseconds(10));
  CHECK(readable == 1);
  REQUIRE(watch.set(FdWatch::Mode::reading, false));
  run_bounded(*loop);
  CHECK(readable == 2);
}

TEST_CASE("Later runs once, behind the callbacks that were ready when it was asked for") {
  auto loop = make_loop();
  std::vector<std::string> order;
  Later later(*loop, [&] {
    order.push_back("later");
    CHECK_FALSE(loop->has_ready());
    loop->stop();
  });
  struct Reader final : FdWatch::Handler {
    Reader(Loop& owner, const std::string& its_name, std::vector<std::string>& done, Later& end)
        : loop(owner), name(its_name), order(done), later(end), watch(owner, pair.ours.get(), *this) {
      REQUIRE(watch.set(FdWatch::Mode::reading, false));
      REQUIRE(::send(pair.theirs.get(), "x", 1, 0) == 1);
    }
    void on_readable() override {
      char byte = 0;
      REQUIRE(::recv(pair.ours.get(), &byte, 1, 0) == 1);
      order.push_back(name);
      // The other one is, and then what was asked for.
      CHECK(loop.has_ready());
      if (order.size() > 1) return;
      later.ask();
      later.ask();
    }
    void on_writable() override {}
    Loop& loop;
    std::string name;
    std::vector<std::string>& order;
    Later& later;
    Pair pair;
    FdWatch watch;
  };
  Reader first(*loop, "first", order, later);
  Reader second(*loop, "second", order, later);
  CHECK_FALSE(loop->has_ready());
  run_bounded(*loop);
  REQUIRE(order.size() == 3);
  CHECK(order[2] == "later");
  run_for(*loop, milliseconds(20));
  CHECK(order.size() == 3);
  CHECK_FALSE(loop->has_ready());
}
