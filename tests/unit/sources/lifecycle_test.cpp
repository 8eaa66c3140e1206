#include "consumer/sources/core/lifecycle.h"

#include <random>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::sources;

namespace {

Exit exit_code(int code) {
  return {.code = code, .signal = {}, .lasted = {}, .reason = "exit status " + std::to_string(code)};
}
Exit killed_by(int signal) {
  return {.code = {}, .signal = signal, .lasted = {}, .reason = "signal " + std::to_string(signal)};
}

// A source whose processes are what the test says; time moves as the test says.
struct Rig : Lifecycle::Actor {
  explicit Rig(const Definition& definition = plain_definition("s", "/s")) : life(*this, definition, 1) {
    life.begin(now);
  }

  void spawn(uint64_t run) override { orders += "spawn" + std::to_string(run) + " "; }
  void terminate() override { orders += "term "; }
  void kill() override { orders += "kill "; }
  void changed() override { states += std::string(name_of(life.state())) + " "; }

  void wanted(bool wanted) { life.set_wanted(wanted, now); }
  void started() { life.started(now); }
  void run() {
    wanted(true);
    started();
  }
  void exits(Exit exit, bool others_left = false) { life.exited(std::move(exit), others_left, now); }
  void wait(Duration time) {
    TimePoint until = now + time;
    while (life.deadline() <= until) {
      now = std::max(now, life.deadline());
      life.expired(now);
    }
    now = until;
  }
  std::string take_orders() { return std::exchange(orders, {}); }
  std::string take_states() { return std::exchange(states, {}); }
  // "3 ok 4: why"
  std::string ended() {
    std::string text;
    for (const CommandEnd& end : life.take_ended())
      text += (text.empty() ? "" : ", ") + std::to_string(end.command) +
              (end.trouble.empty() ? " ok" : ": " + end.trouble);
    return text;
  }

  TimePoint now = TimePoint(seconds(1000));
  std::string orders;
  std::string states;
  Lifecycle life;
};

Definition with(void (*change)(Definition&)) {
  Definition definition = plain_definition("s", "/s");
  change(definition);
  return definition;
}

}  // namespace

TEST_CASE("A source runs while it is wanted, and a while longer") {
  Rig source;
  CHECK(source.life.state() == State::idle);
  source.wanted(true);
  CHECK(source.take_orders() == "spawn1 ");
  source.started();
  CHECK(source.life.state() == State::running);
  source.wanted(false);
  source.wait(seconds(9));
  source.wanted(true);
  source.wanted(false);
  source.wait(seconds(9));
  CHECK(source.take_orders().empty());
  source.wait(seconds(2));
  CHECK(source.take_orders() == "term ");
  CHECK(source.life.state() == State::stopping);
  source.exits(killed_by(15));
  CHECK(source.life.state() == State::idle);
  CHECK(source.take_states() == "starting running stopping idle ");
  source.wait(seconds(3600));
  CHECK(source.take_orders().empty());
}

TEST_CASE("What ignores its end is killed after the time-out, and stays `stopping` until it is gone") {
  Rig source;
  source.run();
  source.life.stop(1, source.now);
  source.take_orders();
  source.wait(milliseconds(4999));
  CHECK(source.take_orders().empty());
  source.wait(milliseconds(1));
  CHECK(source.take_orders() == "kill ");
  source.wait(seconds(100));
  CHECK(source.life.state() == State::stopping);
  CHECK(source.ended().empty());
  source.exits(killed_by(9));
  CHECK(source.ended() == "1 ok");
}

TEST_CASE("A source that is wanted again while it stops is started as soon as it has stopped") {
  Rig source;
  source.run();
  source.wanted(false);
  source.wait(seconds(11));
  source.wanted(true);
  source.take_orders();
  source.exits(exit_code(0));
  CHECK(source.take_orders() == "spawn2 ");
  CHECK(source.life.restarts() == 0);
}

TEST_CASE("After a failure a source backs off, and after a good run it is started at once") {
  Rig source;
  source.run();
  source.take_orders();
  source.exits(exit_code(1));
  CHECK(source.life.state() == State::backoff);
  CHECK(source.life.next_try() > source.now);
  source.wait(milliseconds(111));
  CHECK(source.take_orders() == "spawn2 ");
  CHECK(source.life.restarts() == 1);
  source.started();
  source.life.good_line();
  source.wait(seconds(10));
  source.exits(killed_by(11));
  CHECK(source.take_orders() == "spawn3 ");
}

TEST_CASE("A long run without a good line, and a short one with many, are no good runs") {
  Rig source;
  source.run();
  source.wait(seconds(100));
  source.exits(exit_code(1));
  CHECK(source.life.state() == State::backoff);
  source.wait(seconds(1));
  source.started();
  source.life.good_line();
  source.wait(milliseconds(9999));
  source.exits(exit_code(1));
  CHECK(source.life.state() == State::backoff);
}

TEST_CASE("A long run with a connection of its own is a good run, though nobody sees its lines") {
  Definition definition = plain_definition("s", "/s");
  definition.connection = Channel::socket;
  Rig source(definition);
  source.run();
  source.wait(milliseconds(9999));
  source.exits(exit_code(1));
  CHECK(source.life.state() == State::backoff);
  source.wait(seconds(1));
  source.started();
  source.take_orders();
  source.wait(seconds(10));
  source.exits(exit_code(1));
  CHECK(source.take_orders() == "spawn3 ");
}

TEST_CASE("A storm is at most 8 starts in 10 s and 14 in the first minute, and never ends") {
  Rig source;
  source.run();
  TimePoint begin = source.now;
  uint64_t in_ten = 0;
  uint64_t in_a_minute = 0;
  while (source.now < begin + seconds(3600)) {
    source.exits(exit_code(1));
    REQUIRE(source.life.state() == State::backoff);
    source.wait(source.life.next_try() - source.now);
    if (source.now < begin + seconds(10)) in_ten = source.life.run();
    if (source.now < begin + seconds(60)) in_a_minute = source.life.run();
    source.started();
  }
  CHECK(in_ten <= 8);
  CHECK(in_a_minute <= 14);
  CHECK(source.life.run() > 60);
}

TEST_CASE("Demand that comes and goes does not shorten a back-off") {
  Rig source;
  source.run();
  for (int i = 0; i < 5; ++i) {
    source.exits(exit_code(1));
    source.wait(seconds(3));
    source.started();
  }
  source.exits(exit_code(1));
  TimePoint due = source.life.next_try();
  source.wanted(false);
  CHECK(source.life.state() == State::idle);
  CHECK(source.life.deadline() == kNever);
  source.wanted(true);
  CHECK(source.life.state() == State::backoff);
  CHECK(source.life.next_try() == due);
}

TEST_CASE("A source that has ended well is not started again before somebody else wants it") {
  Rig source;
  source.run();
  source.exits(exit_code(0));
  CHECK(source.life.state() == State::idle);
  source.wait(seconds(3600));
  source.wanted(false);
  source.take_orders();
  source.wanted(true);
  CHECK(source.take_orders() == "spawn2 ");
}

TEST_CASE("restart says what an end is followed by") {
  SECTION("always: a good end, too") {
    Rig source(with([](Definition& d) { d.restart = Restart::always; }));
    source.run();
    source.exits(exit_code(0));
    CHECK(source.life.state() == State::backoff);
  }
  SECTION("never: nothing") {
    Rig source(with([](Definition& d) { d.restart = Restart::never; }));
    source.run();
    source.exits(exit_code(3));
    CHECK(source.life.state() == State::failed);
    source.wait(seconds(3600));
    CHECK(source.life.run() == 1);
    source.wanted(false);
    CHECK(source.life.state() == State::failed);
    source.wanted(true);
    CHECK(source.life.run() == 2);
  }
  SECTION("exit status 125: it stays down, whatever is set") {
    Rig source(with([](Definition& d) { d.restart = Restart::always; }));
    source.run();
    source.exits(exit_code(125));
    CHECK(source.life.state() == State::idle);
    source.wanted(false);
    source.wanted(true);
    source.wait(seconds(3600));
    CHECK(source.life.run() == 1);
    source.life.start(1, source.now);
    CHECK(source.life.run() == 2);
  }
}

TEST_CASE("every runs a program again, so long after its last start, while it is wanted") {
  Rig source(with([](Definition& d) { d.every = seconds(60); }));
  source.run();
  source.wait(seconds(5));
  source.exits(exit_code(0));
  CHECK(source.life.state() == State::idle);
  CHECK(source.life.next_try() == source.now + seconds(55));
  source.wait(seconds(54));
  CHECK(source.life.run() == 1);
  source.wait(seconds(1));
  CHECK(source.life.run() == 2);
  CHECK(source.life.restarts() == 0);
  SECTION("a consumer that comes back within the linger changes nothing") {
    source.started();
    source.exits(exit_code(0));
    source.wanted(false);
    source.wait(seconds(9));
    source.wanted(true);
    CHECK(source.life.run() == 2);
    source.wait(seconds(52));
    CHECK(source.life.run() == 3);
  }
  SECTION("nor does a new one after it") {
    source.started();
    source.exits(exit_code(0));
    source.wanted(false);
    CHECK(source.life.next_try() == kNever);
    source.wait(seconds(11));
    source.wanted(true);
    CHECK(source.life.state() == State::idle);
    CHECK(source.life.next_try() == source.now + seconds(49));
    source.wait(seconds(48));
    CHECK(source.life.run() == 2);
    source.wait(seconds(1));
    CHECK(source.life.run() == 3);
  }
  SECTION("nor one that comes when a run was cut short") {
    source.started();
    source.wanted(false);
    source.wait(seconds(11));
    source.exits(killed_by(15));
    source.wanted(true);
    CHECK(source.life.run() == 2);
    source.wait(seconds(49));
    CHECK(source.life.run() == 3);
  }
  SECTION("when nobody has come before the time, the next one starts it at once") {
    source.started();
    source.exits(exit_code(0));
    source.wanted(false);
    source.wait(seconds(61));
    CHECK(source.life.run() == 2);
    source.wanted(true);
    CHECK(source.life.run() == 3);
  }
  SECTION("a start by name and a changed program do not wait") {
    source.started();
    source.exits(exit_code(0));
    source.life.start(1, source.now);
    CHECK(source.life.run() == 3);
    source.life.restart(2, source.now);
    source.started();
    source.exits(killed_by(15));
    CHECK(source.life.run() == 4);
    source.started();
    CHECK(source.ended() == "1 ok, 2 ok");
    source.exits(exit_code(0));
    source.life.redefine(with([](Definition& d) { d.every = seconds(60); }), source.now);
    CHECK(source.life.run() == 5);
  }
  SECTION("another time counts from the last start, too") {
    source.started();
    source.exits(exit_code(0));
    source.life.set_rules(with([](Definition& d) { d.every = seconds(3600); }), source.now);
    CHECK(source.life.next_try() == source.now + seconds(3600));
    source.wait(seconds(10));
    source.life.set_rules(with([](Definition& d) { d.every = seconds(5); }), source.now);
    CHECK(source.life.run() == 3);
  }
  SECTION("a run that failed backs off") {
    source.started();
    source.wait(seconds(60));
    source.exits(exit_code(1));
    CHECK(source.life.state() == State::backoff);
    CHECK(source.life.next_try() > source.now);
  }
}

TEST_CASE("A program that cannot be executed is tried again, and says why") {
  Rig source;
  source.life.start(1, source.now);
  source.life.could_not_start("/s: No such file or directory", source.now);
  CHECK(source.life.state() == State::backoff);
  CHECK(source.ended() == "1: /s: No such file or directory");
  REQUIRE(source.life.last_exit());
  CHECK(source.life.last_exit()->reason == "/s: No such file or directory");
  source.wait(seconds(1));
  CHECK(source.life.run() > 1);
}

TEST_CASE("What a program leaves behind is ended before it is started again") {
  Rig source;
  source.run();
  source.take_orders();
  source.exits(exit_code(1), true);
  CHECK(source.life.state() == State::stopping);
  CHECK(source.take_orders() == "term ");
  source.wait(seconds(5));
  CHECK(source.take_orders() == "kill ");
  source.life.all_gone(source.now);
  CHECK(source.life.state() == State::backoff);
}

TEST_CASE("A stop holds until a start, whoever wants the source") {
  Rig source;
  source.run();
  source.life.stop(1, source.now);
  source.exits(exit_code(0));
  CHECK(source.ended() == "1 ok");
  source.wanted(false);
  source.wanted(true);
  source.wait(seconds(100));
  CHECK(source.life.run() == 1);
  source.life.start(2, source.now);
  source.started();
  CHECK(source.ended() == "2 ok");
  CHECK(source.life.wish() == Wish::up);
  source.wanted(false);
  source.wait(seconds(100));
  CHECK(source.life.state() == State::running);
  SECTION("enabling it takes both back") {
    source.life.set_enabled(true, source.now);
    CHECK(source.life.wish() == Wish::demand);
    source.wait(seconds(11));
    CHECK(source.life.state() == State::stopping);
  }
}

TEST_CASE("Why a source that could run does not is known") {
  Rig source;
  CHECK(source.life.rest_reason() == Rest::none);  // nobody wants it
  source.run();
  CHECK(source.life.rest_reason() == Rest::none);
  SECTION("stopped by name") {
    source.life.stop(1, source.now);
    CHECK(source.life.rest_reason() == Rest::none);
    source.exits(exit_code(0));
    CHECK(source.life.rest_reason() == Rest::stopped);
    source.life.set_enabled(false, source.now);
    CHECK(source.life.rest_reason() == Rest::none);
    source.life.set_enabled(true, source.now);
    CHECK(source.life.state() == State::starting);
  }
  SECTION("it has asked to stay down") {
    source.exits(exit_code(125));
    CHECK(source.life.rest_reason() == Rest::stay_down);
    source.life.start(1, source.now);
    CHECK(source.life.wish() == Wish::up);
    CHECK(source.life.rest_reason() == Rest::none);
  }
  SECTION("it has ended by itself, while somebody wants it") {
    source.exits(exit_code(0));
    CHECK(source.life.rest_reason() == Rest::ended);
    source.wanted(false);
    CHECK(source.life.rest_reason() == Rest::none);
  }
  SECTION("it is failed, and is not to be started again") {
    Definition once = with([](Definition& d) { d.restart = Restart::never; });
    source.life.set_rules(once, source.now);
    source.exits(exit_code(3));
    CHECK(source.life.state() == State::failed);
    CHECK(source.life.rest_reason() == Rest::ended);
  }
  SECTION("it backs off") {
    source.exits(exit_code(3));
    CHECK(source.life.rest_reason() == Rest::none);
  }
  SECTION("start = manual, and again when an edit makes it so") {
    Definition manual = with([](Definition& d) { d.start = Start::manual; });
    CHECK(Rig(manual).life.rest_reason() == Rest::manual);
    source.life.set_rules(manual, source.now);
    source.exits(killed_by(15));
    CHECK(source.life.rest_reason() == Rest::manual);
  }
}

TEST_CASE("A restart that waits for the end of the run before is told why there is no next one") {
  Rig source(with([](Definition& d) { d.start = Start::always; }));
  source.started();
  source.life.restart(1, source.now);
  SECTION("the source was removed") {
    source.life.retire(source.now, "its file was removed");
    source.exits(killed_by(15));
    CHECK(source.ended() == "1: its file was removed");
  }
  SECTION("everything ends") {
    source.life.retire(source.now);
    source.exits(killed_by(15));
    CHECK(source.ended() == "1: bus-sources ends");
  }
}

TEST_CASE("A run that was told to end was stopped, and one that ended otherwise says how") {
  Rig source;
  source.run();
  auto reason_after = [&](Exit exit) {
    source.exits(std::move(exit));
    return source.life.last_exit()->reason;
  };
  SECTION("in order") {
    source.life.stop(1, source.now);
    CHECK(reason_after(exit_code(0)) == "stopped");
  }
  SECTION("by the signal") {
    source.wanted(false);
    source.wait(seconds(10));
    CHECK(reason_after(killed_by(15)) == "stopped");
    CHECK(source.life.last_exit()->signal == 15);
  }
  SECTION("with the status of a shell") {
    source.life.redefine(with([](Definition& d) { d.format = Format::text; }), source.now);
    CHECK(reason_after(exit_code(143)) == "stopped");
  }
  SECTION("by force") {
    source.life.stop(1, source.now);
    CHECK(reason_after(killed_by(9)) == "stopped: signal 9");
  }
  SECTION("by itself") { CHECK(reason_after(killed_by(15)) == "signal 15"); }
}

TEST_CASE("Each command is answered once") {
  Rig source;
  SECTION("a start of what runs") {
    source.run();
    source.life.start(1, source.now);
    CHECK(source.ended() == "1 ok");
  }
  SECTION("a stop of what does not run") {
    source.life.stop(1, source.now);
    CHECK(source.ended() == "1 ok");
  }
  SECTION("a stop while it starts") {
    source.life.start(1, source.now);
    source.life.stop(2, source.now);
    CHECK(source.ended() == "1: it was stopped meanwhile");
    source.started();
    CHECK(source.life.state() == State::stopping);
    source.exits(killed_by(15));
    CHECK(source.ended() == "2 ok");
  }
  SECTION("a start while it stops") {
    source.run();
    source.life.stop(1, source.now);
    source.life.start(2, source.now);
    CHECK(source.ended() == "1: it was started meanwhile");
    source.exits(exit_code(1));
    CHECK(source.life.run() == 2);
    source.started();
    CHECK(source.ended() == "2 ok");
  }
  SECTION("many starts at once are one run") {
    for (uint64_t i = 1; i <= 3; ++i) source.life.start(i, source.now);
    source.started();
    CHECK(source.ended() == "1 ok, 2 ok, 3 ok");
    CHECK(source.life.run() == 1);
  }
  SECTION("a restart during back-off starts at once") {
    source.run();
    source.exits(exit_code(1));
    source.life.restart(1, source.now);
    CHECK(source.life.run() == 2);
    source.started();
    CHECK(source.ended() == "1 ok");
  }
  SECTION("a restart waits for the new run") {
    source.run();
    source.life.restart(1, source.now);
    CHECK(source.ended().empty());
    source.exits(exit_code(0));
    CHECK(source.ended().empty());
    source.started();
    CHECK(source.ended() == "1 ok");
    CHECK(source.life.wish() == Wish::demand);
  }
  SECTION("a restart of what nobody wants when it has stopped") {
    source.run();
    source.life.restart(1, source.now);
    source.wanted(false);
    source.exits(exit_code(0));
    CHECK(source.ended() == "1: nobody wants it any more");
  }
  SECTION("a start of what is disabled") {
    source.life.set_enabled(false, source.now);
    source.life.start(1, source.now);
    CHECK(source.ended() == "1: it is disabled: enable it first");
  }
}

TEST_CASE("A disabled source is stopped, and does not run until it is enabled") {
  Rig source;
  source.run();
  source.life.set_enabled(false, source.now);
  CHECK(source.life.state() == State::stopping);
  source.exits(exit_code(0));
  CHECK(source.life.state() == State::disabled);
  source.wanted(false);
  source.wanted(true);
  CHECK(source.life.run() == 1);
  source.life.set_enabled(true, source.now);
  CHECK(source.life.run() == 2);
}

TEST_CASE("start = always runs unwanted, and start = manual not even when it is wanted") {
  Rig always(with([](Definition& d) { d.start = Start::always; }));
  CHECK(always.life.run() == 1);
  Rig manual(with([](Definition& d) { d.start = Start::manual; }));
  manual.wanted(true);
  CHECK(manual.life.run() == 0);
  manual.life.start(1, manual.now);
  CHECK(manual.life.run() == 1);
}

TEST_CASE("A source that was changed is started anew by its new definition") {
  Rig source;
  source.run();
  source.life.redefine(with([](Definition& d) { d.stop_timeout = seconds(1); }), source.now);
  CHECK(source.life.state() == State::stopping);
  source.take_orders();
  source.wait(seconds(1));
  CHECK(source.take_orders() == "kill ");
  source.exits(killed_by(9));
  CHECK(source.take_orders() == "spawn2 ");
  SECTION("one that is not wanted and becomes start = always runs") {
    Rig other;
    other.life.redefine(with([](Definition& d) { d.start = Start::always; }), other.now);
    CHECK(other.life.run() == 1);
  }
}

TEST_CASE("Another start takes effect at once, unless a command says otherwise") {
  Definition demand = plain_definition("s", "/s");
  Definition always = demand;
  always.start = Start::always;
  always.restart = Restart::always;
  Definition manual = demand;
  manual.start = Start::manual;
  Rig rig(demand);
  rig.life.set_rules(always, rig.now);
  CHECK(rig.take_orders() == "spawn1 ");
  rig.started();
  rig.life.set_rules(demand, rig.now);
  CHECK(rig.take_orders().empty());
  rig.wait(demand.linger);
  CHECK(rig.take_orders() == "term ");
  rig.exits(killed_by(15));
  rig.life.start(7, rig.now);
  rig.started();
  rig.life.set_rules(manual, rig.now);
  rig.wait(demand.linger * 2);
  CHECK(rig.take_orders() == "spawn2 ");
  CHECK(rig.life.state() == State::running);
}

TEST_CASE("A source that is gone from the directory is over when its processes are") {
  Rig source;
  source.run();
  source.life.retire(source.now);
  CHECK_FALSE(source.life.is_over());
  source.exits(exit_code(0));
  CHECK(source.life.is_over());
  Rig idle;
  idle.life.retire(idle.now);
  CHECK(idle.life.is_over());
}

TEST_CASE(
    "Whatever happens in whatever order, orders alternate, commands end once, and nothing is left to wait "
    "for") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    CAPTURE(seed);
    Rig source(with([](Definition& d) { d.stop_timeout = seconds(1); }));
    uint64_t commands = 0;
    uint64_t ends = 0;
    bool process = false;  // there is one
    bool told = false;     // `starting` is over
    for (int step = 0; step < 300; ++step) {
      source.take_orders();
      switch (random() % 12) {
        case 0:
          source.wanted(true);
          break;
        case 1:
          source.wanted(false);
          break;
        case 2:
          source.life.start(++commands, source.now);
          break;
        case 3:
          source.life.stop(++commands, source.now);
          break;
        case 4:
          source.life.restart(++commands, source.now);
          break;
        case 5:
          if (process && !told) source.started(), told = true;
          break;
        case 6:
          if (process && !told) process = false, source.life.could_not_start("no", source.now);
          break;
        case 7:
          if (process && told) process = false, source.exits(random() % 2 == 0 ? exit_code(0) : killed_by(9));
          break;
        case 8:
          source.life.set_enabled(random() % 4 != 0, source.now);
          break;
        case 9:
          source.life.redefine(plain_definition("s", "/s"), source.now);
          break;
        default:
          source.wait(milliseconds(random() % 3000));
          break;
      }
      std::string orders = source.take_orders();
      size_t spawns = 0;
      for (size_t at = orders.find("spawn"); at != std::string::npos; at = orders.find("spawn", at + 1))
        ++spawns;
      REQUIRE(spawns <= 1);
      if (spawns == 1) {
        REQUIRE_FALSE(process);
        process = true;
        told = false;
      }
      ends += source.life.take_ended().size();
      REQUIRE(ends <= commands);
      bool alive = source.life.state() == State::starting || source.life.state() == State::running ||
                   source.life.state() == State::stopping;
      REQUIRE(alive == process);
    }
    source.life.stop(++commands, source.now);
    if (process && !told) source.started();
    if (process) source.exits(exit_code(0));
    ends += source.life.take_ended().size();
    REQUIRE(ends == commands);
    REQUIRE(source.life.deadline() == kNever);
  }
}
