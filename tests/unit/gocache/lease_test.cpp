#include "consumer/gocache/lease.h"

#include <csignal>
#include <sys/file.h>
#include <sys/resource.h>

#include "tests/integration/forked.h"
#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;
using test::Forked;

namespace {

constexpr int64_t kBegan = int64_t{1'790'000'000} * kSecondNs;

// A run in a process of its own; `body` has its lease.
std::unique_ptr<Forked> a_run(
    const std::string& directory, int64_t began_ns, const std::function<void(Lease&)>& body = [](Lease&) {}) {
  auto out = std::make_unique<Forked>([&](const Forked::Tell& tell) {
    auto place = Place::open(directory, false);
    auto lease = Lease::take(*place, began_ns);
    if (!lease) return;
    body(*lease);
    tell("ready");
    test::wait_for_the_end();
  });
  REQUIRE(out->read_line() == "ready");
  return out;
}

}  // namespace

TEST_CASE("A lease is a locked file while its run lives, and nothing afterwards") {
  Rig rig;
  {
    auto lease = Lease::take(rig.place, kBegan);
    REQUIRE(lease);
    CHECK(lease->name() == std::to_string(kBegan) + "-" + std::to_string(::getpid()));
    CHECK(names_in(rig.own("run")) == std::vector<std::string>{lease->name()});
    Leases leases = look_at_leases(rig.place, kBegan);
    CHECK(leases.living == 1);
    CHECK(leases.oldest_ns == kBegan);
    CHECK(leases.escaped.empty());
    CHECK(names_in(rig.own("run")).size() == 1);
  }
  CHECK(names_in(rig.own("run")).empty());
  Leases leases = look_at_leases(rig.place, kBegan);
  CHECK(leases.living == 0);
  CHECK(leases.oldest_ns == INT64_MAX);
}

TEST_CASE("Two leases of one moment have two names") {
  Rig rig;
  auto one = Lease::take(rig.place, kBegan);
  auto other = Lease::take(rig.place, kBegan);
  REQUIRE(one);
  REQUIRE(other);
  CHECK(one->name() != other->name());
  CHECK(look_at_leases(rig.place, kBegan).living == 2);
}

TEST_CASE("The oldest of those that live counts, and a killed one does not") {
  Rig rig;
  auto old = a_run(rig.directory, kBegan - kHourNs);
  auto young = a_run(rig.directory, kBegan);
  Leases leases = look_at_leases(rig.place, kBegan);
  CHECK(leases.living == 2);
  CHECK(leases.oldest_ns == kBegan - kHourNs);
  old->kill();
  leases = look_at_leases(rig.place, kBegan);
  CHECK(leases.living == 1);
  CHECK(leases.oldest_ns == kBegan);
  CHECK(names_in(rig.own("run")).size() == 1);
  young->kill();
  CHECK(look_at_leases(rig.place, kBegan).living == 0);
  CHECK(names_in(rig.own("run")).empty());
}

TEST_CASE("A run that is stopped lives") {
  Rig rig;
  auto run = a_run(rig.directory, kBegan);
  run->pause();
  CHECK(look_at_leases(rig.place, kBegan + 10 * kDayNs).living == 1);
}

TEST_CASE("What has escaped from a run is known for a day behind it") {
  Rig rig;
  {
    auto lease = Lease::take(rig.place, kBegan);
    REQUIRE(lease);
    lease->note_escaped(an_id(1));
    lease->note_escaped(an_id(2));
    lease->flush();
    // Its own files are young enough while it lives.
    CHECK(look_at_leases(rig.place, wall_ns()).escaped.empty());
    lease->note_escaped(an_id(3));
  }
  std::set<Id> all = {an_id(1), an_id(2), an_id(3)};
  REQUIRE(names_in(rig.own("run")).size() == 1);
  std::string path = rig.own("run/") + names_in(rig.own("run"))[0];
  CHECK(look_at_leases(rig.place, wall_ns()).escaped == all);
  CHECK(look_at_leases(rig.place, wall_ns()).living == 0);
  set_time(path, kBegan);
  CHECK(look_at_leases(rig.place, kBegan + kEscapedNs - 1).escaped == all);
  CHECK(look_at_leases(rig.place, kBegan + kEscapedNs).escaped.empty());
  CHECK(names_in(rig.own("run")).empty());
}

TEST_CASE("What a killed run has written down of what escaped is known") {
  Rig rig;
  a_run(rig.directory, kBegan, [](Lease& lease) {
    lease.note_escaped(an_id(7));
    lease.flush();
  })->kill();
  CHECK(look_at_leases(rig.place, wall_ns()).escaped == std::set<Id>{an_id(7)});
}

TEST_CASE("A line that a full disk has cut off, and lines that are none, are passed over") {
  Rig rig;
  std::string path = rig.own("run/" + std::to_string(kBegan) + "-1");
  write_file(path, "d " + hex(an_id(1)) + "\nd nonsense\nwhat\n\nd " + hex(an_id(2)) + "\nd " +
                       hex(an_id(3)).substr(1));
  CHECK(look_at_leases(rig.place, wall_ns()).escaped == std::set<Id>{an_id(1), an_id(2)});
}

TEST_CASE("What a killed run has made elsewhere is removed") {
  Rig rig;
  TempDir elsewhere;
  std::string made = elsewhere.file("bus-gocache-abcdef");
  write_file(made + "/1", "left");
  a_run(rig.directory, kBegan, [&](Lease& lease) { lease.note_private(made); })->kill();
  look_at_leases(rig.place, wall_ns());
  CHECK_FALSE(exists(made));
  CHECK(names_in(rig.own("run")).empty());
}

TEST_CASE("A private directory is removed behind a run that was killed while the disk was full") {
  Rig rig;
  TempDir elsewhere;
  std::string made = elsewhere.file("bus-gocache-abcdef");
  write_file(made + "/1", "output");
  auto without_room = [&](Lease& lease) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit none{0, 0};
    ::setrlimit(RLIMIT_FSIZE, &none);
    lease.note_private(made);
  };
  auto run = a_run(rig.directory, kBegan, without_room);
  CHECK(look_at_leases(rig.place, wall_ns()).living == 1);
  CHECK(exists(made));
  CHECK(names_in(rig.own("run")).size() == 2);
  run->kill();
  CHECK(look_at_leases(rig.place, wall_ns()).living == 0);
  CHECK_FALSE(exists(made));
  CHECK(names_in(rig.own("run")).empty());
}

TEST_CASE("A run whose private directory could only be linked leaves no link") {
  Rig rig;
  Forked run([&](const Forked::Tell& tell) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto lease = Lease::take(*Place::open(rig.directory, false), kBegan);
    rlimit none{0, 0};
    ::setrlimit(RLIMIT_FSIZE, &none);
    lease->note_private("/nowhere/bus-gocache-abcdef");
    tell(std::to_string(names_in(rig.own("run")).size()));
    lease = Error{};
    tell(std::to_string(names_in(rig.own("run")).size()));
  });
  CHECK(run.read_line() == "2");
  CHECK(run.read_line() == "0");
}

TEST_CASE("Only what is named as we name it is removed elsewhere") {
  Rig rig;
  TempDir elsewhere;
  write_file(elsewhere.file("precious/1"), "kept");
  write_file(elsewhere.file("bus-gocache-x/1"), "kept");
  std::filesystem::create_symlink(elsewhere.file("bus-gocache-x"), elsewhere.file("bus-gocache-link"));
  write_file(rig.own("run/1-1"), "private " + elsewhere.file("precious") +
                                     "\nprivate precious\nprivate \nprivate " +
                                     elsewhere.file("bus-gocache-link") + "\n");
  look_at_leases(rig.place, wall_ns());
  CHECK(contents(elsewhere.file("precious/1")) == "kept");
  CHECK(contents(elsewhere.file("bus-gocache-x/1")) == "kept");
}

TEST_CASE("Unfinished files of the dead are removed, and those of the living stay") {
  Rig rig;
  auto living = Lease::take(rig.place, kBegan);
  REQUIRE(living);
  write_file(rig.own("tmp/" + living->name() + "-1"), "x");
  write_file(rig.own("tmp/" + living->name() + "-a"), "x");
  write_file(rig.own("tmp/" + std::to_string(kBegan) + "-999999-1"), "x");
  write_file(rig.own("tmp/prune-17"), "x");
  look_at_leases(rig.place, kBegan);
  CHECK(names_in(rig.own("tmp")) == std::vector<std::string>{living->name() + "-1", living->name() + "-a"});
}

TEST_CASE("A great many runs that were killed are looked at without much memory") {
  Rig rig;
  Forked limited([&](const Forked::Tell& tell) {
    for (int i = 0; i < 300; ++i)
      write_file(rig.own("run/" + std::to_string(kBegan + i) + "-1"), "d " + hex(an_id(1)) + "\n");
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    size_t escaped = look_at_leases(rig.place, wall_ns()).escaped.size();
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    tell(std::to_string(escaped) + (after.ru_maxrss - before.ru_maxrss < 8 * 1024 ? " little" : " much"));
  });
  CHECK(limited.read_line() == "1 little");
}

TEST_CASE("Files that are no runs are left alone") {
  Rig rig;
  for (const char* name : {"README", "-1", "12", "x-1", "-5-1"})
    write_file(rig.own(std::string("run/") + name), "");
  CHECK(look_at_leases(rig.place, kBegan).living == 0);
  CHECK(names_in(rig.own("run")).size() == 5);
}

TEST_CASE("A run that renews no time stamps is older than everything") {
  Rig rig;
  auto lease = Lease::take(rig.place, 0);
  REQUIRE(lease);
  CHECK(look_at_leases(rig.place, kBegan).oldest_ns == 0);
}

TEST_CASE("Without a directory of runs there is no lease") {
  Rig rig;
  std::filesystem::remove(rig.own("run"));
  CHECK_FALSE(Lease::take(rig.place, kBegan));
  CHECK(look_at_leases(rig.place, kBegan).living == 0);
}
