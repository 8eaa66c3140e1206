// What the machine does to sources, and what it does for them: its clock, the buffers of its libraries, files for logs,
// limits, and users other than the hub's.
#include <algorithm>
#include <csignal>
#include <set>
#include <sys/stat.h>

#include "consumer/sources/cgroup.h"
#include "consumer/sources/log_file.h"
#include "tests/integration/bus_sources_support.h"
#include "tests/integration/jumping_clock.h"
#include "tests/integration/stranger.h"

namespace bus::test {
namespace {

constexpr const char* kClock = "while :; do echo 1; sleep 0.02; done";

std::string text_of(const std::string& path) {
  auto text = read_file(path, size_t{64} << 20U);
  return text ? *text : "";
}

// --- the wall clock ---

TEST_CASE("A clock that jumps by years moves no `every`, no back-off, no linger and no time to stop",
          "[clock]") {
  Sources sources;
  sources.add_script("tick", "echo 1");
  sources.add_file("tick", "every = 200ms\n");
  sources.add_script("fails", "exit 3");
  sources.add_script("short", kClock);
  sources.add_file("short", "linger = 200ms\n");
  sources.add_script("stubborn", "trap '' TERM; while :; do echo 1; sleep 0.05; done");
  sources.add_file("stubborn", "stop-timeout = 200ms\n");
  Stopwatch ticks;
  sources.start(with_jumping_clock());
  {
    Listener listener(sources.socket(), {"tick", "fails", "short", "stubborn"});
    for (int i = 0; i < 4; ++i) listener.until("tick");
    CHECK(ticks.elapsed() >= milliseconds(600));
    listener.until("short");
    listener.until("stubborn");
    sources.wait_for(
        "fails", [](const std::string& s) { return parse_u64(member(s, {"restarts"})).value_or(0) >= 2; });
  }
  sources.wait_for_state("short", "idle");
  Stopwatch stop;
  CHECK(member(sources.call_by_name("stop", "stubborn"), {"state"}) == "idle");
  CHECK(stop.elapsed() >= milliseconds(200));
}

TEST_CASE("A clock that jumps by years shows in the times of a log, and nowhere else", "[clock]") {
  Sources sources;
  sources.add_script("s", "for i in 1 2 3 4 5 6 7 8 9; do echo $i >&2; done; echo 1; exec sleep 1000");
  sources.add_file("s", "log-file = " + sources.scratch("log") + "\n");
  sources.start(with_jumping_clock());
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "9"; });
  LogReader log(sources.socket(), R"({"name":"s"})");
  std::set<uint64_t> years;
  for (uint64_t n = 1; n <= 9; ++n) {
    std::string line = log.next();
    CHECK(member(line, {"n"}) == std::to_string(n));
    CHECK(member(line, {"line"}) == std::to_string(n));
    years.insert(parse_u64(member(line, {"time_ms"})).value_or(0) / (365ULL * 24 * 3600 * 1000));
  }
  // If the years do not show here, nothing was tested.
  CHECK(years.size() >= 2);
  CHECK(log.next() == "null");
  std::string text = text_of(sources.scratch("log"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 9);
  CHECK(parse_u64(member(sources.status("s"), {"up_ms"})).value_or(0) < 60'000);
}

// --- what libraries hold back ---

TEST_CASE("What a program holds back comes in the ways that bus-sources(5) names", "[buffers]") {
  Sources sources;
  const std::string print =
      "import sys, time\nprint(1)\nsys.stderr.write('printed\\n')\nsys.stderr.flush()\ntime.sleep(1000)\n";
  write_text(sources.file("held.py"), "#!/usr/bin/env python3\n" + print, 0755);
  write_text(sources.file("told.py"), "#!/usr/bin/env python3\n" + print, 0755);
  sources.add_file("told", "environment = PYTHONUNBUFFERED=1\n");
  write_text(sources.scratch("print.py"), print);
  sources.add_file("option", "command = python3 -u " + sources.scratch("print.py") + "\n");
  sources.add_script("pipe", "{ echo 1; exec sleep 1000; } | stdbuf -oL cut -c 1-");
  sources.start();
  Listener listener(sources.socket(), {"held", "told", "option", "pipe"});
  std::set<std::string> heard;
  while (heard.size() < 3) heard.insert(listener.next().type);
  CHECK(heard == std::set<std::string>{"told", "option", "pipe"});
  std::string held =
      sources.wait_for("held", [](const std::string& s) { return member(s, {"log_lines"}) == "1"; });
  CHECK(member(held, {"log", "0", "line"}) == "printed");
  CHECK(member(held, {"published"}) == "0");
}

// --- files for logs ---

// The numbers that stand behind time, run and stream, in the order of the lines.
std::vector<uint64_t> numbers_in(const std::string& text) {
  std::vector<uint64_t> numbers;
  constexpr std::string_view kStream = " 1 stderr ";
  for (size_t at = 0; (at = text.find(kStream, at)) != std::string::npos;) {
    at += kStream.size();
    numbers.push_back(std::strtoull(text.c_str() + at, nullptr, 10));
  }
  return numbers;
}

TEST_CASE("The log's file of a source that runs is followed by another one when it is full", "[logs]") {
  Sources sources;
  REQUIRE(::mkfifo(sources.scratch("fifo").c_str(), 0600) == 0);
  sources.add_script("s", R"(awk 'BEGIN { for (i = 1; i <= 9000; i++) printf "%d %1000s\n", i, "x" }' >&2)"
                          "\nread -r line <" +
                              sources.scratch("fifo") + "\necho \"$line\" >&2; exec sleep 1000");
  std::string log = sources.scratch("log");
  sources.add_file("s", "log-file = " + log + "\n");
  sources.start();
  sources.call_by_name("start", "s");
  sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "9000"; });
  std::string older = text_of(log + ".1");
  CHECK(older.size() <= sources::LogFile::kMaxBytes);
  CHECK(older.size() > sources::LogFile::kMaxBytes - 2000);
  std::vector<uint64_t> numbers = numbers_in(older + text_of(log));
  REQUIRE(numbers.size() == 9000);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK(text_of(log + ".2").empty());
  // Another file is taken at once, and the source runs on.
  sources.add_file("s", "log-file = " + sources.scratch("other") + "\n");
  CHECK(member(sources.call("reload"), {"faults"}) == "[]");
  Fd fifo(::open(sources.scratch("fifo").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(write_all(fifo.get(), "9001\n"));
  sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "9001"; });
  CHECK(numbers_in(text_of(sources.scratch("other"))) == std::vector<uint64_t>{9001});
  CHECK(member(sources.status("s"), {"run"}) == "1");
}

TEST_CASE("A log's file that cannot be written is said in the log, and the source runs all the same",
          "[logs]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.add_file("s", "log-file = " + sources.scratch("none/log") + "\n");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  std::string line = member(sources.status("s"), {"log", "0", "line"});
  CHECK(line.find("log-file: ") != std::string::npos);
  CHECK(line.find("No such file or directory") != std::string::npos);
}

// --- limits ---

// What stands in a file of the cgroup of a process; empty: there is none.
std::string limit_of(const std::string& pid, const char* file) {
  auto root = sources::cgroup2_mount(text_of("/proc/self/mountinfo"));
  auto cgroup = sources::own_cgroup(text_of("/proc/" + pid + "/cgroup"));
  return root && cgroup ? text_of(*root + *cgroup + "/" + file) : "";
}

TEST_CASE("A limit of a source is in force, or its log says why it is not", "[limits]") {
  Sources sources;
  sources.add_script("s", "echo 1; exec sleep 1000");
  sources.add_file("s", "memory-max = 64MiB\ncpu-weight = 50\n");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  std::string status = sources.status("s");
  std::string log = member(status, {"log"});
  struct {
    const char* key;
    const char* file;
    const char* value;
  } limits[] = {{"memory-max", "memory.max", "67108864\n"}, {"cpu-weight", "cpu.weight", "50\n"}};
  for (const auto& limit : limits) {
    CAPTURE(limit.key);
    bool is_in_force = limit_of(member(status, {"pid"}), limit.file) == limit.value;
    bool is_lacking = log.find(std::string(limit.key) + " is not in force: ") != std::string::npos;
    CHECK(is_in_force != is_lacking);
    bool is_told = member(status, {"complaints"}).find(std::string(limit.key) + " is not in force: ") !=
                   std::string::npos;
    CHECK(is_told == is_lacking);
    if (is_lacking) WARN("skipped: whether the limit is in force, which cannot be set here: " << limit.key);
  }
  // Of the next run it is told, and not logged again.
  std::string lines = member(status, {"log_lines"});
  sources.call_by_name("restart", "s");
  status = sources.wait_for("s", [](const std::string& text) { return member(text, {"run"}) == "2"; });
  CHECK(member(status, {"complaints"}).empty() == (log.find("is not in force: ") == std::string::npos));
  CHECK(member(status, {"log_lines"}) == lines);
}

// --- other users ---

// A hub whose sources are a stranger's, and that lets other users in, too; a directory with one source.
struct StrangersSources {
  StrangersSources() {
    open_to_all(hub);
    for (const char* name : {"sources.d", "state", "run"}) {
      REQUIRE(::mkdir(place.file(name).c_str(), 0700) == 0);
      REQUIRE(::chown(place.file(name).c_str(), kStranger, kStranger) == 0);
    }
    write_text(place.file("sources.d/s"), std::string("#!/bin/sh\n") + kClock + "\n", 0755);
    REQUIRE(::chown(place.file("sources.d/s").c_str(), kStranger, kStranger) == 0);
    REQUIRE(::chown(place.path().c_str(), kStranger, kStranger) == 0);
  }

  Child run() const {
    ChildOptions options;
    options.environment = {{"HOME", place.path()}};
    options.in_child = [] {
      if (!become(kStranger)) ::_exit(1);
    };
    return Child(BUSD_BIN_DIR "/bus-sources",
                 {"--socket", hub.socket(), "--dir", place.file("sources.d"), "--state", place.file("state"),
                  "--run", place.file("run")},
                 std::move(options));
  }
  // What a user is answered by a task; "done", or the code of the error.
  std::string ask(uid_t uid, const std::string& task) const {
    Forked user([&](const Forked::Tell& tell) {
      if (!become(uid)) return tell("cannot become another user");
      auto connection = busd::Connection::open({.socket = hub.socket(), .no_start = true});
      if (!connection) return tell("no connection: " + connection.error().message);
      auto answer = connection->call("bus.source." + task, R"({"name":"s"})");
      tell(answer ? "done" : answer.code);
    });
    return user.read_line();
  }

  TempDir place;
  HubProcess hub{{"--allow-uid", std::to_string(kStranger), "--allow-uid", std::to_string(kOtherStranger),
                  "--sources-user", std::to_string(kStranger)}};
};

// Skips where the build directory is closed to others.
bool can_run_as_stranger() {
  if (!can_be_another()) return false;
  Forked looks([](const Forked::Tell& tell) {
    tell(become(kStranger) && ::access(BUSD_BIN_DIR "/bus-sources", X_OK) == 0 ? "yes" : "no");
  });
  if (looks.read_line() == "yes") return true;
  WARN("skipped: other users cannot run bus-sources");
  return false;
}

TEST_CASE("The user that --sources-user names runs the sources of a hub of somebody else", "[users]") {
  if (!can_run_as_stranger()) return;
  StrangersSources theirs;
  Child supervisor = theirs.run();
  supervisor.wait_for_errors("serving 1 source");
  Listener listener(theirs.hub.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  // Its rights are those of that user, whoever has started it by listening.
  busd::Connection root = opened(busd::Connection::open({.socket = theirs.hub.socket(), .no_start = true}));
  std::string pid = member(root.call("bus.source.status", R"({"name":"s"})").result, {"pid"});
  struct stat st {};
  REQUIRE(::stat(("/proc/" + pid).c_str(), &st) == 0);
  CHECK(st.st_uid == kStranger);
  // The hub's user and the one that runs them may change them, a third one may look.
  CHECK(theirs.ask(0, "stop") == "done");
  CHECK(theirs.ask(kStranger, "start") == "done");
  CHECK(theirs.ask(kOtherStranger, "status") == "done");
  CHECK(theirs.ask(kOtherStranger, "stop") == "not_allowed");
  supervisor.signal(SIGTERM);
  CHECK(supervisor.wait() == ExitStatus{0, 0});
}

}  // namespace
}  // namespace bus::test
