// The processes of a run: how all of them end, wherever they have got to; and what they use.
#include <csignal>

#include "consumer/sources/process_facts.h"
#include "tests/integration/sources_support.h"

using namespace bus;
using namespace bus::test;

TEST_CASE("A program is told to end by SIGTERM to its group", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(stage, launch({programs.script("s.sh", "$NAP 1000 & echo ready; wait")}));
  REQUIRE(run.until_out("ready"));
  run.process().terminate();
  REQUIRE(run.until_gone());
  CHECK(run.story().starts_with("started exited SIGTERM"));
  CHECK(run.exit().reason == "killed by SIGTERM");
  CHECK(programs.all_end());
  CHECK_FALSE(has_children(::getpid()));
}

TEST_CASE("A stopped program is told to end, too", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(stage, launch({programs.nap(), "1000"}));
  REQUIRE(run.until_started());
  ::kill(static_cast<pid_t>(run.process().pid()), SIGSTOP);
  wait_for_state(static_cast<pid_t>(run.process().pid()), 'T');
  run.process().terminate();
  REQUIRE(run.until_gone());
  CHECK(run.story() == "started exited SIGTERM ");
}

TEST_CASE("A program that ignores SIGTERM is killed", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(
      stage, launch({programs.script("s.sh", "trap '' TERM; echo ready; $NAP 1000; echo woken; $NAP 1000")}));
  REQUIRE(run.until_out("ready"));
  run.process().terminate();
  CHECK(run.story() == "started ");
  run.process().kill();
  REQUIRE(run.until_gone());
  CHECK(run.story().starts_with("started exited SIGKILL"));
  CHECK(programs.all_end());
}

TEST_CASE("What a program leaves in its group is told: its end comes after the exit", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(stage, launch({programs.script("s.sh", "$NAP 1000 & exit 0")}));
  REQUIRE(run.until_exited());
  CHECK(run.story() == "started exited 0, others left ");
  SECTION("it is terminated") { run.process().terminate(); }
  SECTION("it is killed") { run.process().kill(); }
  SECTION("it ends by itself") {
    for (int64_t pid : programs.living()) ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  REQUIRE(run.until_gone());
  CHECK(run.story() == "started exited 0, others left gone ");
  CHECK(programs.all_end());
}

TEST_CASE("What left the session, by one fork or by two, is told to end", "[end]") {
  Programs programs;
  Stage stage;
  // $0 says when it is where it wants to be.
  programs.script("away.sh", "echo ready; exec $NAP 1000");
  auto way = GENERATE(as<std::string>{}, "setsid $AWAY &", "(setsid sh -c '$0 & $0 &' $AWAY &)",
                      "env -i setsid $AWAY &", "(env -i setsid sh -c '$0 &' $AWAY &)");
  CAPTURE(way);
  Watched run(stage,
              launch({programs.script("s.sh", "AWAY=" + programs.file("away.sh") + "\ntrap 'exit 0' TERM\n" +
                                                  way + "\nwhile :; do $NAP 1; done")}));
  REQUIRE(run.until_out("ready"));
  SECTION("it is terminated") {
    run.process().terminate();
    REQUIRE(run.until_gone());
    CHECK(run.story().starts_with("started exited 0"));
  }
  SECTION("it is killed") {
    run.process().kill();
    REQUIRE(run.until_gone());
    CHECK(run.story().starts_with("started exited SIGKILL"));
  }
  CHECK(programs.all_end());
  CHECK_FALSE(has_children(::getpid()));
}

TEST_CASE("Two runs are told apart, whatever their processes did", "[end]") {
  Programs programs;
  Stage stage;
  std::string script = programs.script("s.sh", "(env -i setsid $NAP 1000 &) ; echo ready; exec $NAP 1001");
  Watched first(stage, launch({script}));
  Watched second(stage, launch({script}));
  REQUIRE(first.until_out("ready"));
  REQUIRE(second.until_out("ready"));
  first.process().kill();
  REQUIRE(first.until_gone());
  CHECK(second.story() == "started ");
  CHECK(programs.come_to(2));
  second.process().kill();
  REQUIRE(second.until_gone());
  CHECK(programs.all_end());
}

TEST_CASE("A pipe that a grandchild holds does not delay the news of the end", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(stage, launch({programs.script("s.sh", "echo last; setsid $NAP 1000 & exit 4")}));
  REQUIRE(run.until_exited());
  CHECK(run.story() == "started exited 4, others left ");
  REQUIRE(run.until_out("last\n"));
  run.process().kill();
  REQUIRE(run.until_all_read());
  CHECK(programs.all_end());
}

TEST_CASE("Processes that are stopped, or fork while they are killed, are killed", "[end]") {
  Programs programs;
  Stage stage;
  auto body =
      GENERATE(as<std::string>{},
               // stopped, and in sessions of their own
               "for i in 1 2 3; do setsid sh -c 'kill -STOP $$; $0 1000' $NAP & done; echo ready; wait",
               // two hundred, each in a session, while it is killed
               "trap '' TERM; echo ready; for i in $(seq 200); do setsid $NAP 1000 & done; wait",
               // ends as it forks, for ever
               "[ -n \"$1\" ] || echo ready; \"$0\" again & exit 0",
               // the same in a session of its own each time
               "[ -n \"$1\" ] || echo ready; setsid \"$0\" again >/dev/null 2>&1 & exit 0");
  CAPTURE(body);
  Watched run(stage, launch({programs.script("s.sh", body)}));
  REQUIRE(run.until_out("ready"));
  run.process().kill();
  REQUIRE(run.until_gone());
  CHECK(programs.all_end());
  CHECK_FALSE(has_children(::getpid()));
}

TEST_CASE("What goes on however often it is killed is said to its owner", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(stage, launch({programs.script("s.sh", "echo ready; exec $NAP 1000")}));
  REQUIRE(run.until_out("ready"));
  // Nobody looks for its end meanwhile, as if it had forked anew each time.
  for (int i = 1; i < 1000; ++i) run.process().kill();
  CHECK(run.complaint().empty());
  run.process().kill();
  CHECK(run.complaint() == "its processes fork faster than they can be ended");
  REQUIRE(run.until_gone());
}

TEST_CASE("A process that its owner gives up is killed with all that is its", "[end]") {
  Programs programs;
  Stage stage;
  {
    Watched run(stage,
                launch({programs.script("s.sh", "trap '' TERM; setsid $NAP 1000 & echo ready; wait")}));
    REQUIRE(run.until_out("ready"));
    run.destroy();
  }
  REQUIRE(stage.run_until([&] { return !has_children(::getpid()); }));
  CHECK(programs.all_end());
}

TEST_CASE("With the last of it everything is ended", "[end]") {
  Programs programs;
  {
    Stage stage;
    Watched run(stage,
                launch({programs.script("s.sh", "trap '' TERM; setsid $NAP 1000 & echo ready; wait")}));
    REQUIRE(run.until_out("ready"));
  }
  CHECK(programs.living().empty());
  CHECK_FALSE(has_children(::getpid()));
}

// ---- use

TEST_CASE("What a run uses is the sum of all its processes", "[use]") {
  Programs programs;
  Stage stage;
  Watched run(stage,
              launch({programs.script("s.sh",
                                      "(setsid $NAP 1000 &); $NAP 1000 & i=0; "
                                      "while [ $i -lt 200000 ]; do i=$((i+1)); done; echo ready; wait")}));
  REQUIRE(run.until_out("ready"));
  REQUIRE(programs.come_to(3));
  auto use = run.process().use();
  uint64_t sum = 0;
  for (int64_t pid : programs.living()) sum += sources::resident_bytes_of(pid);
  CHECK(use.rss_bytes > sources::resident_bytes_of(run.process().pid()));
  CHECK(use.rss_bytes <= sum);
  CHECK(use.cpu_ms > 0);
}
