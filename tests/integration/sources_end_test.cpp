// The processes of a run: how all of them end, wherever they have got to; and what they use.
#include <csignal>
#include <sys/resource.h>

#include "consumer/sources/process_facts.h"
#include "consumer/sources/process_tree.h"
#include "consumer/sources/spare_descriptors.h"
#include "tests/integration/forked.h"
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

TEST_CASE("What bears no mark any more ends with its run, and that is said", "[end]") {
  Programs programs;
  Stage stage;
  Watched run(stage, launch({programs.hider()}));
  REQUIRE(run.until_out("ready"));
  REQUIRE(programs.come_to(2));
  SECTION("it is terminated") { run.process().terminate(); }
  SECTION("it is killed") { run.process().kill(); }
  SECTION("its program ends by itself") {
    ::kill(static_cast<pid_t>(run.process().pid()), SIGKILL);
    REQUIRE(run.until_exited());
    CHECK(run.story() == "started exited SIGKILL, others left ");
    run.process().kill();
  }
  REQUIRE(run.until_gone());
  CHECK(programs.all_end());
  CHECK(run.complaint().find(", which bears no mark of a run, is taken for one of its own") !=
        std::string::npos);
  CHECK_FALSE(has_children(::getpid()));
}

TEST_CASE("What bears no mark any more does not outlive us", "[end]") {
  Programs programs;
  {
    Stage stage;
    Watched run(stage, launch({programs.hider()}));
    REQUIRE(run.until_out("ready"));
    REQUIRE(programs.come_to(2));
  }
  CHECK(programs.living().empty());
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

// All descriptors that there can be, until it is destroyed. For good, the limit is lower than before.
struct NoDescriptors {
  NoDescriptors() {
    rlimit few{200, 200};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (Fd fd(::dup(0)); fd; fd = Fd(::dup(0))) all.push_back(std::move(fd));
  }
  std::vector<Fd> all;
};

TEST_CASE("Without a descriptor nothing is said of processes, and not that there are none", "[end]") {
  Forked without([](const Forked::Tell& tell) {
    Child child("/bin/sleep", {"1000"});
    bool before = sources::children_of(::getpid())->size() == 1;
    NoDescriptors none;
    before = before && !sources::children_of(::getpid()) && !sources::descendants_of(1) &&
             !sources::all_processes() && !sources::mark_of(child.pid(), 1);
    none.all.clear();
    tell(before && sources::children_of(::getpid())->size() == 1 ? "well" : "not so");
  });
  CHECK(without.read_line() == "well");
}

TEST_CASE("Some descriptors are kept for looks, and taken from nobody else", "[end]") {
  Forked near_the_limit([](const Forked::Tell& tell) {
    rlimit few{200 - sources::kSpareDescriptors, 200};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    std::vector<Fd> all;
    for (Fd fd(::dup(0)); fd; fd = Fd(::dup(0))) all.push_back(std::move(fd));
    bool sees = sources::children_of(::getpid()) && sources::all_processes();
    tell(sees && ::dup(0) < 0 ? "well" : "not so");
  });
  CHECK(near_the_limit.read_line() == "well");
}

TEST_CASE("While no process can be seen no run ends, and it does when they can", "[end]") {
  Programs programs;
  Forked blind([&](const Forked::Tell& tell) {
    Stage stage;
    Watched run(stage, launch({programs.script("s.sh", "setsid $NAP 1000 & echo ready; exec $NAP 1000")}));
    REQUIRE(run.until_out("ready"));
    REQUIRE(programs.come_to(2));
    {
      NoDescriptors none;
      run.process().kill();
      // It is looked for more than once.
      static_cast<void>(stage.run_until([] { return false; }, milliseconds(150)));
      tell(run.story());
      tell(std::to_string(run.process().use().rss_bytes));
    }
    auto complaints = stage.processes().take_complaints();
    tell(complaints.size() == 1 ? complaints[0].substr(0, 24) : std::to_string(complaints.size()));
    REQUIRE(run.until_gone());
    tell(run.story());
  });
  CHECK(blind.read_line() == "started ");
  CHECK(blind.read_line() == "0");
  CHECK(blind.read_line() == "processes cannot be seen");
  CHECK(blind.read_line().starts_with("started exited SIGKILL"));
  CHECK(programs.all_end());
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
