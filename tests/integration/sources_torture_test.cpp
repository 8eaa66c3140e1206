// Stops, again and again, of runs that do what they can to get away: nothing of them lives when it is said that nothing does.
//
// $BUSD_TEST_ROUNDS: how many; a few in the suite, a thousand by hand.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sched.h>
#include <sys/mount.h>

#include "consumer/sources/cgroup.h"
#include "consumer/sources/record.h"
#include "protocol/base/strings.h"
#include "tests/integration/forked.h"
#include "tests/integration/sources_support.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;

namespace {

uint64_t rounds(uint64_t usual) {
  const char* asked = std::getenv("BUSD_TEST_ROUNDS");
  return asked != nullptr ? parse_u64(asked).value_or(1) : (kSlowBuild ? usual / 4 : usual);
}

// Each says "ready" when it has begun.
const char* const kKinds[] = {
    // obedient
    "$NAP 1000 & echo ready; wait",
    // leaves its session
    "setsid $NAP 1000 & setsid $NAP 1000 & echo ready; wait",
    // forks twice, and leaves its session and its environment
    "(env -i setsid sh -c '$0 1000 & $0 1000 &' $NAP &)\necho ready; $NAP 1000",
    // ignores SIGTERM
    "trap '' TERM; $NAP 1000 & setsid $NAP 1000 & echo ready; wait; wait",
    // is stopped
    "setsid sh -c 'kill -STOP $$; $0 1000' $NAP & echo ready; kill -STOP $$; $NAP 1000",
    // forks 200 times, each in a session of its own
    "trap '' TERM; echo ready; i=0\nwhile [ $i -lt 200 ]; do setsid $NAP 1000 & i=$((i + 1)); done\nwait",
    // forks as it ends, without an end
    "[ -n \"$1\" ] || echo ready\n\"$0\" again & exit 0",
    // is gone already
    "(setsid $NAP 1000 &)\necho ready; exit 3",
};

void torture(Stage& stage, uint64_t count) {
  Programs programs;
  std::vector<std::string> scripts;
  for (const char* kind : kKinds)
    scripts.push_back(programs.script("s" + std::to_string(scripts.size()) + ".sh", kind));
  std::mt19937 random(1);
  size_t open_before = open_descriptors(::getpid());
  for (uint64_t round = 0; round < count; ++round) {
    size_t kind = round % scripts.size();
    CAPTURE(round, kind);
    {
      Watched run(stage, launch({scripts[kind]}));
      REQUIRE(run.until_out("ready"));
      if (random() % 2 == 0) run.process().terminate();
      if (random() % 2 == 0)
        static_cast<void>(stage.run_until([&] { return run.story().find("exited") != std::string::npos; },
                                          milliseconds(20)));
      run.process().kill();
      REQUIRE(run.until_gone());
    }
    REQUIRE(programs.living().empty());
    REQUIRE_FALSE(has_children(::getpid()));
  }
  CHECK(open_descriptors(::getpid()) == open_before);
}

// cgroup2, mounted for this process alone.
struct Mounted {
  Mounted() {
    is_there = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("cgroup2", dir.path().c_str(), "cgroup2", 0, nullptr) == 0;
  }
  ~Mounted() { ::umount2(dir.path().c_str(), MNT_DETACH); }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;

  TempDir dir;
  bool is_there = false;
};

// Whether runs can have cgroups here.
bool has_cgroups() {
  auto parent = sources::CgroupParent::find();
  if (!parent && parent.error().what == "no cgroup2 is mounted") {
    static Mounted mounted;
    if (mounted.is_there) parent = sources::CgroupParent::find();
  }
  if (!parent) WARN("skipped: " << parent.error().what);
  return parent.has_value();
}

std::string cgroup_of(int64_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup", 100'000);
  return text ? sources::own_cgroup(*text).value_or("") : "";
}

sources::Processes::Settings with_cgroups() { return {.record = "", .trampoline = "", .cgroups = true}; }

}  // namespace

TEST_CASE("Nothing outlives its stop", "[tree]") {
  Stage stage;
  torture(stage, rounds(40));
}

TEST_CASE("Nothing outlives its stop in a cgroup", "[cgroup]") {
  if (!has_cgroups()) return;
  Stage stage(with_cgroups());
  torture(stage, rounds(16));
  CHECK(stage.processes().take_complaints().empty());
}

TEST_CASE("Each run has a cgroup of its own, which goes with it", "[cgroup]") {
  if (!has_cgroups()) return;
  Programs programs;
  Stage stage(with_cgroups());
  programs.script("away.sh", "echo away; exec $NAP 1000");
  Watched first(stage, launch({programs.script("s.sh", "(env -i setsid " + programs.file("away.sh") +
                                                           " &)\n$NAP 1000 & echo ready; wait")}));
  Watched second(stage, launch({programs.script("t.sh", "echo ready; exec $NAP 1000")}));
  REQUIRE(first.until_out("ready"));
  REQUIRE(first.until_out("away"));
  REQUIRE(second.until_out("ready"));
  std::string cgroup = cgroup_of(first.process().pid());
  CHECK(cgroup.find("/busd-source-0-s-") != std::string::npos);
  CHECK(cgroup != cgroup_of(second.process().pid()));
  std::vector<int64_t> living = programs.living();
  auto members =
      std::count_if(living.begin(), living.end(), [&](int64_t pid) { return cgroup_of(pid) == cgroup; });
  CHECK(members == 3);
  std::string directory = sources::CgroupParent::find()->directory() + cgroup.substr(cgroup.rfind('/'));
  CHECK(std::filesystem::exists(directory));
  first.process().kill();
  REQUIRE(first.until_gone());
  CHECK_FALSE(std::filesystem::exists(directory));
  CHECK(second.story() == "started ");
  CHECK(first.process().take_complaints().empty());
}

TEST_CASE("What bears no mark any more is told to end as of its cgroup", "[cgroup]") {
  if (!has_cgroups()) return;
  Programs programs;
  Stage stage(with_cgroups());
  Watched other(stage, launch({programs.hider()}));
  Watched run(stage, launch({programs.hider()}));
  REQUIRE(other.until_out("ready"));
  REQUIRE(run.until_out("ready"));
  REQUIRE(programs.come_to(4));
  run.process().terminate();
  REQUIRE(run.until_gone());
  CHECK(programs.come_to(2));
  CHECK(other.story() == "started ");
  CHECK(run.complaint().empty());
}

TEST_CASE("A run is over when its cgroup is empty, whoever came into it", "[cgroup]") {
  if (!has_cgroups()) return;
  Programs programs;
  // A child of a process that is none of ours, by whom it is reaped.
  Forked stranger([&](const Forked::Tell& tell) {
    Child nap(programs.nap(), {"1000"});
    tell(std::to_string(nap.pid()));
    (void)nap.wait(kPatience * 2);
  });
  std::string pid = stranger.read_line();
  Stage stage(with_cgroups());
  Watched run(stage, launch({programs.script("s.sh", "echo ready; exec $NAP 1000")}));
  REQUIRE(run.until_out("ready"));
  std::string cgroup = cgroup_of(run.process().pid());
  std::string directory = sources::CgroupParent::find()->directory() + cgroup.substr(cgroup.rfind('/'));
  std::ofstream(directory + "/cgroup.procs") << pid << std::flush;
  REQUIRE(cgroup_of(std::stoll(pid)) == cgroup);
  run.process().terminate();
  REQUIRE(run.until_exited());
  CHECK(run.story() == "started exited SIGTERM, others left ");
  CHECK(run.complaint() == "processes live on in its cgroup; they are ended with it");
  run.process().kill();
  REQUIRE(run.until_gone());
  CHECK(programs.all_end());
  CHECK_FALSE(std::filesystem::exists(directory));
}

TEST_CASE("What runs in a cgroup is found by the next one without a record", "[cgroup]") {
  if (!has_cgroups()) return;
  Programs programs;
  std::string record = programs.file("no/such/record");
  std::string cgroup;
  Forked supervisor([&](const Forked::Tell& tell) {
    Stage stage({.record = record, .trampoline = "", .cgroups = true});
    Watched run(stage, launch({programs.script("s.sh", "trap '' TERM; $NAP 1000 & echo ready; wait; wait")}));
    REQUIRE(run.until_out("ready"));
    tell(cgroup_of(run.process().pid()));
    wait_for_the_end();
  });
  cgroup = supervisor.read_line();
  REQUIRE(cgroup.find("/busd-source-" + sources::place_of_record(record) + "-s-") != std::string::npos);
  supervisor.kill();
  CHECK(sources::clean_up(programs.file("other")).empty());
  CHECK(programs.come_to(2));
  CHECK(sources::clean_up(record).empty());
  CHECK(programs.living().empty());
  CHECK(sources::CgroupParent::find()->made(sources::place_of_record(record)).empty());
}

TEST_CASE("memory-max holds where it can, and else it is said why not", "[cgroup]") {
  if (!has_cgroups()) return;
  auto controllers = read_file(sources::CgroupParent::find()->directory() + "/cgroup.controllers", 1000);
  bool has_memory = controllers && controllers->find("memory") != std::string::npos;
  Programs programs;
  Stage stage(with_cgroups());
  for (int time = 0; time < 2; ++time) {
    // Doubles a string until it is too large.
    sources::Launch hungry = launch({programs.script(
        "s.sh", "a=xxxxxxxxxxxxxxxx; while [ ${#a} -lt 60000000 ]; do a=$a$a; done; exit 9")});
    hungry.memory_max = 16 * 1024 * 1024;
    Watched run(stage, std::move(hungry));
    auto complaints = run.process().take_complaints();
    REQUIRE(run.until_gone());
    if (has_memory) {
      CHECK(run.story() == "started exited SIGKILL, for want of memory: see memory-max ");
      CHECK(complaints.empty());
    } else {
      CHECK(run.story() == "started exited 9 ");
      REQUIRE(complaints.size() == 1);
      CHECK(complaints[0].starts_with("memory-max is not in force: "));
    }
  }
  if (!has_memory) WARN("the limit itself was not tried: there is no memory controller in cgroup2 here");
}

TEST_CASE("Without cgroups it is said of each run that its limits are not in force", "[tree]") {
  Stage stage;
  for (int time = 0; time < 2; ++time) {
    sources::Launch limited = launch({"/bin/true"});
    limited.memory_max = 1'000'000;
    limited.cpu_weight = 50;
    Watched run(stage, std::move(limited));
    auto complaints = run.process().take_complaints();
    REQUIRE(run.until_gone());
    CHECK(run.story() == "started exited 0 ");
    CHECK(complaints == std::vector<std::string>{"memory-max is not in force: cgroups are off",
                                                 "cpu-weight is not in force: cgroups are off"});
  }
}

TEST_CASE("No end is lost, no zombie and no descriptor is left, however many end at once", "[reap]") {
  Stage stage;
  Programs programs;
  // The second leaves an orphan that ends, too.
  std::string orphan = programs.script("o.sh", "(setsid true &)\nexit 0");
  size_t open_before = open_descriptors(::getpid());
  uint64_t count = rounds(60);
  for (uint64_t done = 0; done < count; done += 20) {
    std::vector<std::unique_ptr<Watched>> runs;
    for (int i = 0; i < 20; ++i) {
      std::vector<std::string> command = {i % 10 == 9 ? orphan : "/bin/true"};
      runs.push_back(std::make_unique<Watched>(stage, launch(std::move(command))));
    }
    for (auto& run : runs) {
      REQUIRE(run->until_gone());
      CHECK(run->story().starts_with("started exited 0"));
    }
  }
  REQUIRE(stage.run_until([] { return !has_children(::getpid()); }));
  CHECK(open_descriptors(::getpid()) == open_before);
}
