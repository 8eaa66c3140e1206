// What sources do that a supervisor can stumble over: what they leave behind, close, hold back or flood; who asks for what;
// and many of them at once.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <sys/resource.h>

#include "consumer/cli/source_text.h"
#include "tests/integration/bus_sources_support.h"
#include "tests/integration/stranger.h"
#include "tests/support/slow.h"

namespace bus::test {
namespace {

constexpr const char* kClock = "while :; do echo 1; sleep 0.02; done";

// Resident memory of bus-sources.
uint64_t resident_kib(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/status", 65'536);
  REQUIRE(text);
  size_t at = text->find("VmRSS:");
  REQUIRE(at != std::string::npos);
  return std::strtoull(text->c_str() + at + 6, nullptr, 10);
}

uint64_t refused_unfinished(const StatusResponse& status) {
  for (const auto& pool : status.memory.pools) {
    if (pool.pool == "unfinished") return pool.refused;
  }
  return 0;
}

// --- what a program leaves behind, and what it closes ---

TEST_CASE("What a program leaves behind is a state that is shown, until it has been ended, too", "[left]") {
  Sources sources;
  std::string marker = "marker-left-" + std::to_string(::getpid());
  REQUIRE(::mkfifo(sources.scratch("fifo").c_str(), 0600) == 0);
  // Its first process ends in order, and what it has started ignores that it is told to end.
  sources.add_script("s", "setsid sh -c 'trap \"\" TERM; echo > " + sources.scratch("fifo") +
                              "; while :; do sleep 0.05; done' " + marker + " &\nread x < " +
                              sources.scratch("fifo") + "\nexit 0");
  sources.add_file("s", "stop-timeout = 1h\n");
  sources.start();
  Listener changes(sources.socket(), {"bus.source.*"}, true);
  Listener listener(sources.socket(), {"s"});
  std::string stopping = changes.until("bus.source.stopping").payload;
  CHECK(member(stopping, {"exit", "code"}) == "0");
  std::string others = member(stopping, {"exit", "reason"});
  CHECK(others.starts_with("ended in order, and "));
  CHECK(others.ends_with(" ended with it"));
  CHECK(sources.state("s") == "stopping");
  CHECK(member(sources.status("s"), {"log", "0", "line"}) ==
        "[its first process has ended, and " + others.substr(std::string("ended in order, and ").size()) +
            "]");
  REQUIRE(is_running(marker));
  for (pid_t pid : processes_of(marker)) ::kill(pid, SIGKILL);
  changes.until("bus.source.idle");
}

TEST_CASE("With no descriptor left a stop is a stop, and a list knows what it does not see", "[left]") {
  Sources sources;
  std::string marker = "marker-few-" + std::to_string(::getpid());
  const std::vector<std::string> names = {"a", "b", "c", "d", "e", "f"};
  for (const std::string& name : names) {
    sources.add_script(
        name, "setsid sh -c 'while :; do sleep 0.2; done' " + marker + " &\nwhile :; do sleep 0.2; done");
    sources.add_file(name, "start = always\nstop-timeout = 200ms\n");
  }
  ChildOptions options;
  // By one of them the last descriptor is taken.
  auto limit = GENERATE(range(rlim_t{30}, rlim_t{36}));
  CAPTURE(limit);
  options.in_child = [limit] {
    rlimit few{limit, limit};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) ::_exit(1);
  };
  sources.start(std::move(options));
  std::string list;
  for (TimePoint until = now() + kPatience; now() < until; ::usleep(5000)) {
    list = sources.call("list");
    // Those that have no connection have taken by then what was left.
    if (list.find("\"tries\":5") != std::string::npos && is_running(marker)) break;
  }
  CHECK(list.find("\"rss_bytes\":0,") == std::string::npos);
  for (const std::string& name : names)
    CHECK(member(sources.call_by_name("stop", name), {"state"}) == "idle");
  CHECK_FALSE(is_running(marker));
}

TEST_CASE("A program that closes its stdout runs on, and what it says on stderr is kept", "[left]") {
  Sources sources;
  sources.add_script("s", "echo 1; exec >&-; echo closed >&2; while :; do sleep 0.05; done");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  std::string status =
      sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "1"; });
  CHECK(member(status, {"state"}) == "running");
  CHECK(member(sources.call_by_name("stop", "s"), {"state"}) == "idle");
}

TEST_CASE("A program that closes its stdin is asked nothing more, and runs on", "[left]") {
  Sources sources;
  sources.add_script("s", "exec <&-; echo ready >&2; while :; do sleep 0.05; done");
  sources.add_file("s", "stdin = frames\ntasks = closed.ask\nstart = always\n");
  sources.start();
  sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "1"; });
  busd::Connection caller = opened(busd::Connection::open({.socket = sources.socket(), .no_start = true}));
  auto answer = caller.call("closed.ask", "null", {.wait = true});
  REQUIRE_FALSE(answer);
  CHECK(answer.code == "failed");
  CHECK(answer.message.find("the source s has closed its stdin") != std::string::npos);
  CHECK(sources.state("s") == "running");
}

// --- lines ---

TEST_CASE("A line without an end costs no more than a frame, and the rest is read", "[lines]") {
  Sources sources;
  sources.add_script("s", "head -c 64000000 /dev/zero; echo; echo 2");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "2");
  CHECK(member(sources.status("s"), {"skipped"}) == "1");
  if (!kSlowBuild) CHECK(resident_kib(sources.supervisor().pid()) < 32 * 1024);
}

TEST_CASE("Lines of the greatest length, in pieces, and empty ones", "[lines]") {
  Sources sources;
  // With its quotes exactly as long as a payload can be: its frame has to keep the cap, too.
  sources.add_script("s",
                     "printf '\"'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\"\\n\\n\\n'\n"
                     "for part in 1 2 3 4; do printf $part; sleep 0.01; done; echo");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload.size() == 1'000'002);
  CHECK(listener.next().payload == "1234");
  CHECK(member(sources.status("s"), {"log_lines"}) == "0");
}

TEST_CASE("A reader of a log that does not read costs nothing but gaps in the numbers", "[lines]") {
  Sources sources;
  sources.add_script(
      "s",
      "i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); echo \"line $i of a log that is read late\"; done >&2\n"
      "echo 1; while :; do sleep 0.05; done");
  sources.add_file("s", "log-bytes = 64KiB\n");
  sources.start();
  LogReader late(sources.socket(), R"({"name":"s","follow":true})");
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "30000"; });
  if (!kSlowBuild) CHECK(resident_kib(sources.supervisor().pid()) < 32 * 1024);
  // Each number at most once, in order, with what was dropped as a gap, to the newest line.
  uint64_t last = 0;
  uint64_t lines = 0;
  while (last < 30'000) {
    std::string line = late.next();
    uint64_t n = parse_u64(member(line, {"n"})).value_or(0);
    REQUIRE(n > last);
    CHECK(member(line, {"line"}).starts_with("line " + std::to_string(n) + " "));
    last = n;
    ++lines;
  }
  CHECK(lines <= 30'000);
}

TEST_CASE("What the hub refuses stands in the log with the hub's reason, and is counted", "[lines]") {
  Sources sources({"--memory", "142MiB", "--max-connections", "200"});
  sources.add_script("s",
                     "printf '\"'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\"\\n'; exec sleep 1000");
  sources.add_file("s", "start = manual\n");
  sources.start();
  // Lines that are not finished take all of the memory that there is for such.
  std::vector<RawClient> others;
  for (size_t bytes : {size_t{900'000}, size_t{50'000}}) {
    uint64_t refused = refused_unfinished(sources.hub().status());
    while (refused_unfinished(sources.hub().status()) == refused) {
      REQUIRE(others.size() < 150);
      RawClient& other = others.emplace_back(sources.socket());
      other.send_line(R"({"type":"hello","pid":1,"event_key":"","event_types":null,"version":"v1",)"
                      R"("role":"source","source":"o"})");
      other.read_as<HelloAck>();
      other.send(R"({"type":"event","event_type":"o","payload":")" + std::string(bytes, 'x'));
    }
  }
  sources.call_by_name("start", "s");
  std::string status =
      sources.wait_for("s", [](const std::string& s) { return member(s, {"refused"}) == "1"; });
  CHECK(member(status, {"published"}) == "0");
  std::string line = member(status, {"log", "0", "line"});
  CHECK(line.starts_with("[the hub refused an event: busy: "));
  CHECK(line.find("unfinished") != std::string::npos);
}

// --- requests ---

TEST_CASE("A program answers with parts and progress, and is told when nobody waits any more", "[requests]") {
  Sources sources;
  sources.add_script("s", R"(while read -r line; do
  id=${line#*'"id":"'}; id=${id%%'"'*}
  case $line in
    *'"type":"cancel"'*) echo "cancel" >&2 ;;
    *'"wait"'*) printf '{"type":"progress","id":"%s","done":1,"total":2}\n' "$id" ;;
    *'"type":"request"'*)
      printf '{"type":"chunk","id":"%s","seq":1,"data":"part"}\n' "$id"
      printf '{"type":"response","id":"%s","result":"whole"}\n' "$id" ;;
  esac
done)");
  sources.add_file("s", "stdin = frames\ntasks = s.read\ntypes = never\n");
  sources.start();
  OpenCall call(sources.socket(), "s.read", "null", true);
  CHECK(call.next() == R"("part")");
  CHECK(call.next() == R"("whole")");
  {
    OpenCall waits(sources.socket(), "s.read", R"("wait")", true);
    CHECK(waits.next() == "1 of 2");
  }
  sources.wait_for("s", [](const std::string& status) {
    return member(status, {"log", "0", "line"}) == "cancel";
  });
}

TEST_CASE("Who is not the hub's user, root or the user of bus-sources may look, and not change",
          "[requests]") {
  if (!can_be_another()) return;
  Sources sources({"--allow-uid", std::to_string(kStranger)});
  sources.add_script("s", kClock);
  sources.start();
  open_to_all(sources.hub());
  Forked stranger([&](const Forked::Tell& tell) {
    if (!become(kStranger)) return tell("cannot become another user");
    auto connection = busd::Connection::open({.socket = sources.socket(), .no_start = true});
    if (!connection) return tell("no connection: " + connection.error().message);
    for (const char* verb : {"start", "stop", "restart", "enable", "disable", "reload"}) {
      auto answer = connection->call(std::string("bus.source.") + verb, R"({"name":"s"})");
      tell(answer ? "was done" : answer.code);
    }
    tell(connection->call("bus.source.list") ? "listed" : "not listed");
    tell(connection->call("bus.source.status", R"({"name":"s"})") ? "shown" : "not shown");
  });
  for (int i = 0; i < 6; ++i) CHECK(stranger.read_line() == "not_allowed");
  CHECK(stranger.read_line() == "listed");
  CHECK(stranger.read_line() == "shown");
  CHECK(sources.state("s") == "idle");
}

TEST_CASE("While it ends, bus-sources tells what there is, and does nothing new", "[requests]") {
  Sources sources;
  std::string marker = "marker-busy-" + std::to_string(::getpid());
  sources.add_script("s", "exec sh -c 'trap \"\" TERM; echo 1; while :; do sleep 0.05; done' " + marker);
  sources.add_file("s", "stop-timeout = 1h\n");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  sources.supervisor().signal(SIGTERM);
  sources.wait_for_state("s", "stopping");
  for (const char* verb : {"start", "restart", "stop", "disable"})
    CHECK(sources.call_by_name(verb, "s") == "busy: bus-sources is about to end");
  CHECK(member(sources.call("list"), {"sources", "0", "state"}) == "stopping");
  for (pid_t pid : processes_of(marker)) ::kill(pid, SIGKILL);
  CHECK(sources.supervisor().wait() == ExitStatus{0, 0});
}

// --- many, and more than one ---

TEST_CASE("All that there is to know of a source is in the list", "[many]") {
  Sources sources;
  sources.add_script("s", "echo 1; echo log >&2; while :; do sleep 0.05; done");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "1"; });
  std::string row = member(sources.call("list"), {"sources", "0"});
  for (const char* number : {"pid", "run", "restarts", "up_ms", "rss_bytes", "cpu_ms", "published", "refused",
                             "skipped", "log_lines"})
    CHECK(parse_u64(member(row, {number})));
  CHECK(parse_u64(member(row, {"rss_bytes"})).value_or(0) > 100'000);
  CHECK(member(row, {"types"}) == R"(["s","s.*"])");
  CHECK(member(row, {"wanted_by"}) == R"({"events":true,"requests":0})");
}

TEST_CASE("Why a source has no connection to the hub is shown, and it is tried again", "[many]") {
  // The caller, bus-sources itself, and two of three sources.
  Sources sources({"--max-connections", "4"});
  for (const char* name : {"a", "b", "c"}) {
    sources.add_script(name, kClock);
    sources.add_file(name, "start = always\n");
  }
  busd::Connection caller = opened(busd::Connection::open({.socket = sources.socket(), .no_start = true}));
  auto wait_for = [&](const std::function<bool(const std::string&)>& wanted) {
    std::string status;
    for (TimePoint end = now() + kPatience; now() < end; ::usleep(5000)) {
      status = caller.call("bus.source.status", R"({"name":"c"})").result;
      if (wanted(status)) return status;
    }
    FAIL("the source c: " << status);
    return status;
  };
  sources.start();
  std::string status = wait_for([](const std::string& s) {
    return member(s, {"state"}) == "running" &&
           parse_u64(member(s, {"unconnected", "tries"})).value_or(0) > 1;
  });
  std::string reason = member(status, {"unconnected", "reason"});
  CHECK(reason.find("4 connections") != std::string::npos);
  CHECK(member(status, {"log", "0", "line"}) == "[no connection to the hub: " + reason + "]");
  CHECK(member(caller.call("bus.source.list").result, {"sources", "2", "unconnected", "reason"}) == reason);
  auto table = cli::source_table(caller.call("bus.source.list").result, std::nullopt);
  REQUIRE(table);
  CHECK(table->back().text.find(": " + reason) != std::string::npos);
  auto details = cli::source_details(status, std::nullopt, 0);
  REQUIRE(details);
  CHECK(details->at(2).text.starts_with("connection  none after "));
  // As soon as there is a place it has it.
  REQUIRE(::unlink(sources.file("a.source").c_str()) == 0);
  REQUIRE(::unlink(sources.file("a").c_str()) == 0);
  wait_for([](const std::string& s) {
    return member(s, {"unconnected"}).empty() && member(s, {"published"}) != "0";
  });
}

TEST_CASE("A hundred sources start at once, and each is heard", "[many]") {
  Sources sources;
  for (int i = 0; i < 100; ++i) sources.add_script("s" + std::to_string(i), "echo 1; exec sleep 1000");
  sources.start();
  std::vector<std::string> types;
  for (int i = 0; i < 100; ++i) types.push_back("s" + std::to_string(i));
  Listener listener(sources.socket(), types);
  std::set<std::string> heard;
  while (heard.size() < 100) heard.insert(listener.next().type);
  for (const char* each : {"s0", "s99"}) CHECK(member(sources.status(each), {"run"}) == "1");
  sources.stop();
}

TEST_CASE("A consumer of everything starts every source, and what else is asked is answered meanwhile",
          "[many]") {
  constexpr size_t kSources = 150;
  Sources sources;
  for (size_t i = 0; i < kSources; ++i)
    sources.add_script("s" + std::to_string(i), "echo 1; exec sleep 1000");
  sources.start();
  auto pids = [](const std::string& list) {
    size_t count = 0;
    for (size_t at = 0; (at = list.find("\"pid\":", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  // Stopped, it finds all that is wanted at once, and the question behind it.
  sources.supervisor().signal(SIGSTOP);
  wait_for_state(sources.supervisor().pid(), 'T');
  Listener listener(sources.socket(), {"*"});
  OpenCall question(sources.socket(), "bus.source.list", "null", false);
  sources.supervisor().signal(SIGCONT);
  CHECK(pids(question.next()) < kSources);
  std::set<std::string> heard;
  while (heard.size() < kSources) {
    std::string type = listener.next().type;
    if (!type.starts_with("bus.")) heard.insert(type);
  }
  std::string list = sources.call("list");
  CHECK(pids(list) == kSources);
  CHECK(list.find("\"run\":2") == std::string::npos);
  sources.stop();
}

TEST_CASE("Two hubs with one directory run its sources each by itself", "[many]") {
  Sources sources;
  sources.add_script("s", "echo $$; exec sleep 1000");
  sources.start();
  HubProcess other;
  Child second(BUSD_BIN_DIR "/bus-sources", {"--dir", sources.directory(), "--socket", other.socket(),
                                             "--state", sources.scratch("other-state")});
  second.wait_for_errors("serving 1 source");
  Listener here(sources.socket(), {"s"});
  Listener there(other.socket(), {"s"});
  CHECK(here.next().payload != there.next().payload);
  CHECK(member(sources.call_by_name("stop", "s"), {"state"}) == "idle");
  {
    busd::Connection connection =
        opened(busd::Connection::open({.socket = other.socket(), .no_start = true}));
    CHECK(member(connection.call("bus.source.status", R"({"name":"s"})").result, {"state"}) == "running");
  }
  second.signal(SIGTERM);
  CHECK(second.wait() == ExitStatus{0, 0});
}

TEST_CASE("A stop holds until bus-sources starts anew", "[many]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  CHECK(member(sources.call_by_name("stop", "s"), {"state"}) == "idle");
  sources.stop();
  sources.start();
  sources.wait_for_state("s", "running");
}

TEST_CASE("SIGHUP lets it look at what the kernel does not tell of", "[many]") {
  Sources sources;
  // The program is elsewhere: a change of it is none of the directory.
  write_text(sources.scratch("program"), "#!/bin/sh\nwhile :; do echo '\"old\"'; sleep 0.02; done\n", 0755);
  std::filesystem::create_symlink(sources.scratch("program"), sources.file("s"));
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == R"("old")");
  write_text(sources.scratch("program"), "#!/bin/sh\nwhile :; do echo '\"new\"'; sleep 0.02; done\n", 0755);
  CHECK(member(sources.status("s"), {"run"}) == "1");
  sources.supervisor().signal(SIGHUP);
  while (listener.next().payload != R"("new")") {
  }
  CHECK(member(sources.status("s"), {"run"}) == "2");
}

// --- killed ---

TEST_CASE(
    "However often bus-sources and its hub are killed, no source is lost, none runs twice, none is left",
    "[kills]") {
  const char* asked = std::getenv("BUSD_KILLS");
  uint64_t rounds = asked != nullptr ? parse_u64(asked).value_or(1) : (kSlowBuild ? 3 : 9);
  Sources sources;
  std::string marker = "marker-kills-" + std::to_string(::getpid());
  std::vector<std::string> names = {"always", "demand"};
  for (const std::string& name : names) {
    // Whoever finds its lock taken says so.
    std::string lock = sources.scratch(name + ".lock");
    sources.add_script(name, "exec sh -c 'exec 9>" + lock + "; flock -n 9 || echo " + name + " >> " +
                                 sources.scratch("double") + "; while :; do echo 1; sleep 0.02 9>&-; done' " +
                                 marker);
  }
  sources.add_file("always", "start = always\n");
  sources.start();
  std::mt19937 random(7);
  for (uint64_t round = 0; round < rounds; ++round) {
    CAPTURE(round);
    {
      Listener listener(sources.socket(), names);
      for (const std::string& name : names) listener.until(name);
    }
    bool kills_hub = random() % 3 > 0;
    bool kills_sources = !kills_hub || random() % 2 > 0;
    if (kills_hub) sources.kill_hub();
    if (kills_sources) {
      sources.kill();
      TimePoint end = now() + seconds(1);
      while (is_running(marker) && now() < end) ::usleep(1000);
      CHECK_FALSE(is_running(marker));
    }
    if (kills_hub) sources.start_hub();
    if (kills_sources) sources.start();
  }
  CHECK_FALSE(read_file(sources.scratch("double"), 1000));
  sources.stop();
  CHECK_FALSE(is_running(marker));
}

}  // namespace
}  // namespace bus::test
