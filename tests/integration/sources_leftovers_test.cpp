// bus-sources is killed: what becomes of its programs, and what the next one finds.
//
// A process of the test's own plays bus-sources, since it is killed.
#include <csignal>
#include <cstdlib>
#include <random>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>

#include "consumer/sources/process_facts.h"
#include "consumer/sources/record.h"
#include "protocol/base/strings.h"
#include "tests/integration/forked.h"
#include "tests/integration/sources_support.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;
using bus::sources::Processes;

namespace {

Processes::Settings with_record(const Programs& programs) {
  return {.record = programs.file("record"), .trampoline = "", .cgroups = false};
}

// A bus-sources with one run, whose script has said "ready" so many times.
class Supervisor {
 public:
  Supervisor(const Programs& programs, const std::string& script, size_t readies = 1)
      : process_([&](const Forked::Tell& tell) {
          Stage stage(with_record(programs));
          Watched run(stage, launch({script}));
          stage.run_until([&] {
            return static_cast<size_t>(std::count(run.out().begin(), run.out().end(), '\n')) >= readies;
          });
          tell("ready");
          wait_for_the_end();
        }) {
    REQUIRE(process_.read_line() == "ready");
  }
  void kill() { process_.kill(); }

 private:
  Forked process_;
};

std::string without_lines(const std::string& text, const std::string& beginning) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(beginning)) out += line + "\n";
  }
  return out;
}

// A script of which something survives the end of bus-sources and SIGTERM: four processes.
std::string stubborn(const Programs& programs) {
  // Each is ready when all of its processes are there.
  programs.script("away.sh", "trap '' TERM; $NAP 1000 & echo ready; wait");
  return programs.script("s.sh", "trap '' TERM; (env -i setsid " + programs.file("away.sh") +
                                     " &); $NAP 1000 & echo ready; wait");
}
constexpr size_t kStubbornProcesses = 4;

}  // namespace

TEST_CASE("When bus-sources is killed its programs are told to end", "[told]") {
  Programs programs;
  Supervisor supervisor(
      programs,
      programs.script("s.sh", "trap '$NAP 0; exit 0' TERM; echo ready; while :; do $NAP 0.1; done"));
  CHECK_FALSE(programs.living().empty());
  supervisor.kill();
  CHECK(programs.all_end());
}

TEST_CASE("A program does not outlive a bus-sources that was killed while it started", "[told]") {
  Programs programs;
  std::string script = programs.script("s.sh", "exec $NAP 1000");
  // Each time a little later.
  for (int round = 0; round < 20; ++round) {
    Forked supervisor([&](const Forked::Tell& tell) {
      Stage stage(with_record(programs));
      tell("here");
      for (;;) {
        Watched run(stage, launch({script}));
        tell("started");
        run.until_started();
      }
    });
    for (int line = 0; line < 1 + round / 2; ++line) supervisor.read_line();
    supervisor.kill();
    CHECK(programs.all_end());
  }
}

TEST_CASE("What survives bus-sources is ended by the next one", "[next]") {
  Programs programs;
  std::string script = stubborn(programs);
  SECTION("it ignores SIGTERM, or has left in every way") {
    Supervisor supervisor(programs, script, 2);
    supervisor.kill();
  }
  SECTION("it is stopped") {
    Supervisor supervisor(programs, script, 2);
    for (int64_t pid : programs.living()) ::kill(static_cast<pid_t>(pid), SIGSTOP);
    supervisor.kill();
  }
  SECTION("its first process is gone") {
    Supervisor supervisor(programs, script, 2);
    auto recorded = sources::read_record(programs.file("record"));
    REQUIRE(recorded);
    REQUIRE(recorded->runs.size() == 1);
    supervisor.kill();
    ::kill(static_cast<pid_t>(recorded->runs.begin()->second.pid), SIGKILL);
  }
  SECTION("bus-sources was killed before it knew the process") {
    Supervisor supervisor(programs, script, 2);
    supervisor.kill();
    std::string text = *read_file(programs.file("record"), 10'000);
    programs.write("record", without_lines(text, "pid "), 0600);
  }
  CHECK_FALSE(programs.living().empty());
  Stage next(with_record(programs));
  CHECK(programs.living().empty());
  CHECK(next.processes().take_complaints().empty());
  CHECK(sources::read_record(programs.file("record"))->runs.empty());
}

TEST_CASE("A record that was cut, is of another boot or of nothing that lives ends nobody", "[next]") {
  Programs programs;
  Supervisor supervisor(programs, stubborn(programs), 2);
  supervisor.kill();
  std::string text = *read_file(programs.file("record"), 10'000);
  auto recorded = sources::parse_record(text);
  REQUIRE(recorded);
  std::string other_boot = text;
  other_boot.replace(text.find(recorded->boot_id), 1, "x");
  std::string other_instance = without_lines(text, "busd-sources");
  other_instance = without_lines(other_instance, "pid ");
  other_instance = "busd-sources 1 " + recorded->boot_id + " 1\n" + other_instance;
  for (const std::string& bad : {std::string(), text.substr(0, 20), other_boot, other_instance,
                                 std::string("\x7f"
                                             "ELF")}) {
    CAPTURE(bad);
    programs.write("record", bad, 0600);
    Stage next(with_record(programs));
    CHECK(programs.come_to(kStubbornProcesses));
  }
  programs.write("record", text + "run 9 half", 0600);
  Stage next(with_record(programs));
  CHECK(programs.living().empty());
}

TEST_CASE("A process that has got the number of one in the record is left alone", "[next]") {
  Programs programs;
  Child other(programs.nap(), {"1000"});
  auto facts = sources::facts_of(other.pid());
  REQUIRE(facts);
  auto write = [&](uint64_t start_ticks) {
    std::string line = "pid 1 " + std::to_string(other.pid()) + " " + std::to_string(start_ticks) + "\n";
    programs.write("record", "busd-sources 1 " + sources::boot_id() + " 1\nrun 1 s -\n" + line, 0600);
  };
  write(facts->start_ticks - 1);
  {
    Stage next(with_record(programs));
    CHECK(other.running());
  }
  write(facts->start_ticks);
  Forked next([&](const Forked::Tell& tell) {
    Stage stage(with_record(programs));
    tell("done");
  });
  REQUIRE(next.read_line() == "done");
  CHECK(other.wait() == ExitStatus{-1, SIGTERM});
}

TEST_CASE("A program is not started before there is a record by which the next one would find it", "[next]") {
  Programs programs;
  Stage stage({.record = programs.file("no/such/record"), .trampoline = "", .cgroups = false});
  auto complaints = stage.processes().take_complaints();
  REQUIRE(complaints.size() == 1);
  CHECK(complaints[0].starts_with("what runs is not recorded: open "));
  Watched lost(stage, launch({"/bin/true"}));
  REQUIRE(lost.until_gone());
  CHECK(lost.story().starts_with("failed: what runs cannot be recorded: open "));
  CHECK(stage.processes().take_complaints().empty());
  std::filesystem::create_directories(programs.file("no/such"));
  Watched run(stage, launch({"/bin/true"}));
  REQUIRE(run.until_gone());
  CHECK(run.story() == "started exited 0 ");
}

TEST_CASE("What runs while the disk is full is found by the next one", "[next]") {
  Programs programs;
  std::string disk = programs.file("disk");
  std::filesystem::create_directory(disk);
  // For this process alone.
  bool is_mounted = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") == 0;
  if (!is_mounted) {
    WARN("skipped: no file system can be mounted");
    return;
  }
  Processes::Settings settings{.record = disk + "/record", .trampoline = "", .cgroups = false};
  std::string script = stubborn(programs);
  Forked supervisor([&](const Forked::Tell& tell) {
    Stage stage(settings);
    std::ofstream(disk + "/full") << std::string(100'000, 'x');
    Watched run(stage, launch({script}));
    REQUIRE(run.until_out("ready\nready"));
    tell("ready");
    wait_for_the_end();
  });
  REQUIRE(supervisor.read_line() == "ready");
  supervisor.kill();
  SECTION("for room was taken beforehand") {
    auto recorded = sources::read_record(settings.record);
    REQUIRE(recorded);
    CHECK(recorded->runs.size() == 1);
  }
  SECTION("or by the marks alone") {
    std::string text = *read_file(settings.record, 10'000);
    REQUIRE(std::filesystem::remove(disk + "/full"));
    programs.write("disk/record", text.substr(0, text.find('\n') + 1), 0600);
  }
  CHECK_FALSE(programs.living().empty());
  CHECK(sources::clean_up(settings.record).empty());
  CHECK(programs.living().empty());
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_CASE("With an orderly end there is no record any more", "[next]") {
  Programs programs;
  {
    Stage stage(with_record(programs));
    Watched run(stage, launch({"/bin/true"}));
    REQUIRE(run.until_gone());
    CHECK(std::filesystem::exists(programs.file("record")));
  }
  CHECK_FALSE(std::filesystem::exists(programs.file("record")));
}

TEST_CASE("Killed at any time, bus-sources leaves nothing behind that the next one does not end",
          "[random]") {
  const char* asked = std::getenv("BUSD_TEST_ROUNDS");
  uint64_t rounds = asked != nullptr ? parse_u64(asked).value_or(1) : (kSlowBuild ? 5 : 15);
  Programs programs;
  std::string script = stubborn(programs);
  std::mt19937 random(1);
  for (uint64_t round = 0; round < rounds; ++round) {
    CAPTURE(round);
    {
      Forked supervisor([&](const Forked::Tell& tell) {
        Stage stage(with_record(programs));
        tell(programs.living().empty() ? "clean" : "left");
        for (;;) {
          Watched first(stage, launch({script}));
          tell("step");
          Watched second(stage, launch({script}));
          first.until_started();
          tell("step");
          second.until_out("ready");
          tell("step");
        }
      });
      CHECK(supervisor.read_line() == "clean");
      for (auto steps = random() % 7; steps > 0; --steps) supervisor.read_line();
      supervisor.kill();
    }
  }
  Stage last(with_record(programs));
  CHECK(programs.living().empty());
}
