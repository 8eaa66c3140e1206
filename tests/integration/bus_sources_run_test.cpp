// bus-sources with real programs: when they run, what their lines become, and how they end.
#include <csignal>
#include <cstdlib>

#include "tests/integration/bus_sources_support.h"

namespace bus::test {
namespace {

constexpr const char* kClock = "while :; do echo 1; sleep 0.02; done";

// --- demand ---

TEST_CASE("A program that prints is a source: it runs while somebody listens", "[demand]") {
  Sources sources;
  sources.add_script("clock", kClock);
  sources.add_file("clock", "linger = 0s\n");
  sources.start();
  CHECK(sources.state("clock") == "idle");
  {
    Listener listener(sources.socket(), {"clock"});
    CHECK(listener.next().payload == "1");
    std::string status = sources.status("clock");
    CHECK(member(status, {"state"}) == "running");
    CHECK(member(status, {"run"}) == "1");
    CHECK(member(status, {"wanted_by", "events"}) == "true");
    CHECK(member(status, {"pid"}) != "");
  }
  std::string status = sources.wait_for_state("clock", "idle");
  CHECK(member(status, {"run"}) == "1");
  CHECK(member(status, {"pid"}) == "");
}

TEST_CASE("Many consumers start a source once, and a pattern counts", "[demand]") {
  Sources sources;
  sources.add_script("clock", kClock);
  sources.add_file("clock", "types = clock, clock.*\n");
  sources.start();
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 20; ++i)
    listeners.push_back(std::make_unique<Listener>(sources.socket(), std::vector<std::string>{"*"}));
  CHECK(listeners.front()->until("clock").payload == "1");
  CHECK(listeners.back()->until("clock").payload == "1");
  CHECK(member(sources.status("clock"), {"run"}) == "1");
}

TEST_CASE("An observer starts nothing", "[demand]") {
  Sources sources;
  sources.add_script("clock", kClock);
  sources.start();
  Listener observer(sources.socket(), {"*"}, true);
  CHECK(sources.state("clock") == "idle");
  CHECK(member(sources.status("clock"), {"wanted_by", "events"}) == "false");
}

TEST_CASE("A consumer that comes back within the linger finds the same run", "[demand]") {
  Sources sources;
  sources.add_script("clock", kClock);
  sources.start();
  {
    Listener listener(sources.socket(), {"clock"});
    CHECK(listener.next().payload == "1");
  }
  sources.wait_for("clock", [](const std::string& s) {
    return member(s, {"wanted_by", "events"}) == "false";
  });
  CHECK(sources.state("clock") == "running");
  Listener listener(sources.socket(), {"clock"});
  CHECK(listener.next().payload == "1");
  CHECK(member(sources.status("clock"), {"run"}) == "1");
}

TEST_CASE("start = always needs nobody, start = manual waits for a word", "[demand]") {
  Sources sources;
  sources.add_script("a", kClock);
  sources.add_file("a", "start = always\n");
  sources.add_script("m", kClock);
  sources.add_file("m", "start = manual\n");
  sources.start();
  sources.wait_for_state("a", "running");
  Listener listener(sources.socket(), {"m"});
  CHECK(member(sources.status("a"), {"wish"}) == "up");
  CHECK(sources.state("m") == "idle");
  CHECK(member(sources.status("m"), {"why"}) == "start = manual");
  CHECK(member(sources.call_by_name("start", "m"), {"state"}) == "running");
  CHECK(member(sources.status("m"), {"wish"}) == "up");
  CHECK(member(sources.status("m"), {"why"}).empty());
  CHECK(listener.next().payload == "1");
}

TEST_CASE("A program that prints and exits is run again by `every`", "[demand]") {
  Sources sources;
  sources.add_script("load", "echo \"{\\\"run\\\":$$}\"");
  sources.add_file("load", "every = 100ms\n");
  sources.start();
  Listener listener(sources.socket(), {"load"});
  std::string first = listener.next().payload;
  CHECK(listener.next().payload != first);
  CHECK(member(sources.status("load"), {"restarts"}) == "0");
}

// --- lines ---

TEST_CASE("Lines are events, or lines of the log, and none of them is fatal", "[lines]") {
  Sources sources;
  sources.add_script("s", R"(echo '{"type":"event","event_type":"s.a","payload":{"n":1}}'
echo '{"type":"event","event_type":"other","payload":2}'
echo '{"temperature":3}'
echo '[4]'
printf '{"crlf":5}\r\n'
echo 'plain text'
printf 'bad \377 utf8\n'
printf 'a \000 nul\n'
echo 'to stderr' >&2
echo '{"type":"event","event_type":"s.a","payload":6'
echo '6'
printf '7 without a line end')");
  sources.start();
  Listener listener(sources.socket(), {"s", "s.*", "other"});
  CHECK(listener.next().payload == R"({"n":1})");
  CHECK(listener.next().payload == R"({"temperature":3})");
  CHECK(listener.next().payload == "[4]");
  CHECK(listener.next().payload == R"({"crlf":5})");
  CHECK(listener.next().payload == "6");
  std::string status =
      sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "7"; });
  CHECK(member(status, {"published"}) == "5");
  CHECK(member(status, {"refused"}) == "1");
  CHECK(status.find("\"7 without a line end\"") != std::string::npos);
}

TEST_CASE("A line beyond the frame cap is skipped and counted, and the rest goes on", "[lines]") {
  Sources sources;
  sources.add_script("s", "head -c 3000000 /dev/zero | tr '\\0' 1; echo; echo 2");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "2");
  CHECK(member(sources.status("s"), {"skipped"}) == "1");
}

TEST_CASE("format = text makes each line a string, format = json a payload", "[lines]") {
  Sources sources;
  sources.add_script("t", "echo 'a \"b\" c'; echo '{\"type\":\"event\"}'");
  sources.add_file("t", "format = text\nevent_type = t.line\n");
  sources.add_script("j", "echo '{\"type\":\"event\",\"event_type\":\"x\"}'; echo no json; echo 1");
  sources.add_file("j", "format = json\n");
  sources.start();
  Listener texts(sources.socket(), {"t.line"});
  CHECK(texts.next().payload == R"("a \"b\" c")");
  CHECK(texts.next().payload == R"("{\"type\":\"event\"}")");
  Listener json(sources.socket(), {"j"});
  CHECK(json.next().payload == R"({"type":"event","event_type":"x"})");
  CHECK(json.next().payload == "1");
}

TEST_CASE("A source that floods does not keep others from being heard", "[lines]") {
  Sources sources;
  sources.add_script("flood", "exec yes '{\"a\":1}'");
  sources.add_script("clock", kClock);
  sources.start();
  Listener flood(sources.socket(), {"flood"});
  CHECK(flood.next().payload == R"({"a":1})");
  Listener listener(sources.socket(), {"clock"});
  for (int i = 0; i < 20; ++i) CHECK(listener.next().payload == "1");
  CHECK(member(sources.call_by_name("stop", "flood"), {"state"}) == "idle");
}

TEST_CASE("A hub that is stopped holds back the program, not bus-sources", "[lines]") {
  Sources sources;
  sources.add_script("flood", "echo $$ > " + sources.scratch("pid") + "; exec yes 1");
  sources.add_file("flood", "start = always\n");
  sources.start();
  sources.wait_for_state("flood", "running");
  sources.hub().pause();
  // Still there for its signals, and so able to stop what it runs.
  sources.supervisor().signal(SIGTERM);
  CHECK(sources.supervisor().wait(seconds(20)) == ExitStatus{0, 0});
  sources.hub().resume();
}

TEST_CASE("The environment is a clean one, and the definition adds to it", "[lines]") {
  Sources sources;
  sources.add_script("e", "env | sed 's/=.*//' | sort | tr '\\n' ' '; echo; pwd; env | grep ^ADDED");
  sources.add_file("e", "format = text\nenvironment = ADDED=1 \nenvironment = 'TZ=UTC'\ndirectory = /usr\n");
  sources.start();
  Listener listener(sources.socket(), {"e"});
  std::string names = listener.next().payload;
  CHECK(names.find("BUSD_SOCKET BUSD_SOURCE") != std::string::npos);
  CHECK(names.find("HOME") != std::string::npos);
  CHECK(names.find("XDG_RUNTIME_DIR") == std::string::npos);
  CHECK(listener.next().payload == "\"/usr\"");
  CHECK(listener.next().payload == "\"ADDED=1\"");
}

// --- failures ---

TEST_CASE("A source that fails is started again with back-off, and says why", "[restart]") {
  Sources sources;
  sources.add_script("f", "echo 1; echo 'no such device' >&2; exit 3");
  sources.start();
  Listener changes(sources.socket(), {"bus.source.*"});
  Listener listener(sources.socket(), {"f"});
  Listener::Heard back_off = changes.until("bus.source.backoff");
  CHECK(member(back_off.payload, {"source"}) == "f");
  CHECK(member(back_off.payload, {"state"}) == "backoff");
  CHECK(member(back_off.payload, {"run"}) == "1");
  CHECK(member(back_off.payload, {"exit", "code"}) == "3");
  CHECK(member(back_off.payload, {"exit", "stderr"}) == "no such device");
  CHECK(member(back_off.payload, {"next_try_ms"}) != "");
  Listener::Heard starting = changes.until("bus.source.starting");
  CHECK(member(starting.payload, {"run"}) == "2");
  CHECK(member(starting.payload, {"restarts"}) == "1");
}

TEST_CASE("What cannot be executed is told by the reason of the kernel", "[restart]") {
  Sources sources;
  sources.add_file("x", "command = /nonexistent/program\n");
  sources.start();
  Listener listener(sources.socket(), {"x"});
  std::string status = sources.wait_for_state("x", "backoff");
  CHECK(member(status, {"exit", "reason"}).find("No such file or directory") != std::string::npos);
}

TEST_CASE("Exit status 125 means: stay down, until somebody starts it", "[restart]") {
  Sources sources;
  sources.add_script("d", "echo 1; exit 125");
  sources.start();
  Listener listener(sources.socket(), {"d"});
  CHECK(listener.next().payload == "1");
  sources.wait_for_state("d", "idle");
  CHECK(member(sources.status("d"), {"run"}) == "1");
  CHECK(member(sources.status("d"), {"wish"}) == "down");
  CHECK(member(sources.status("d"), {"why"}) == "asked to stay down");
}

// --- stopping ---

TEST_CASE("A stop takes everything that the source has started, and holds until start", "[stop]") {
  Sources sources;
  std::string marker = "marker-" + std::to_string(::getpid());
  // One that ignores the signal in a session of its own, and one that was orphaned.
  sources.add_script("s", "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' " + marker +
                              " &\n(sh -c 'while :; do sleep 0.1; done' " + marker + " &)\n" + kClock);
  sources.add_file("s", "stop-timeout = 100ms\n");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  CHECK(member(sources.call_by_name("stop", "s"), {"state"}) == "idle");
  CHECK_FALSE(is_running(marker));
  Listener another(sources.socket(), {"s"});
  std::string row = member(sources.call("list"), {"sources", "0"});
  CHECK(member(row, {"state"}) == "idle");
  CHECK(member(row, {"wish"}) == "down");
  CHECK(member(row, {"why"}) == "stopped by name");
  CHECK(member(sources.call_by_name("start", "s"), {"state"}) == "running");
  CHECK(member(sources.status("s"), {"run"}) == "2");
}

TEST_CASE("A pipe that somebody outside still holds is closed soon after the end", "[stop]") {
  Sources sources;
  // The reader's own process keeps the writing end open, through a descriptor that it got from the program.
  sources.add_script("s", "echo 1; sleep 1000 & exit 0");
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  sources.wait_for_state("s", "idle");
}

TEST_CASE("SIGTERM ends all sources side by side, and bus-sources with status 0", "[stop]") {
  Sources sources;
  std::string marker = "marker-end-" + std::to_string(::getpid());
  for (int i = 0; i < 5; ++i) {
    std::string name = "s" + std::to_string(i);
    sources.add_script(name, "exec sh -c 'trap \"\" TERM; echo 1; while :; do sleep 0.05; done' " + marker);
    sources.add_file(name, "start = always\nstop-timeout = 300ms\n");
  }
  sources.start();
  for (int i = 0; i < 5; ++i)
    sources.wait_for("s" + std::to_string(i),
                     [](const std::string& s) { return member(s, {"published"}) == "1"; });
  sources.stop();
  CHECK_FALSE(is_running(marker));
}

// --- torture ---

// How often: BUSD_STOPS rounds, for a longer run.
int rounds() {
  const char* asked = std::getenv("BUSD_STOPS");
  return asked == nullptr ? 3 : std::atoi(asked);
}

TEST_CASE("Whatever a source starts is gone after its stop", "[torture]") {
  Sources sources;
  std::string marker = "marker-torture-" + std::to_string(::getpid());
  // A process that stays until it is killed. Its command line holds the marker.
  std::string stay = "sh -c 'trap \"\" TERM HUP; while :; do sleep 0.2; done' " + marker;
  std::vector<std::pair<std::string, std::string>> kinds = {
      {"session", "setsid " + stay + " &\n"},
      {"orphan", "(" + stay + " &)\n"},
      {"double", "setsid sh -c \"(" + std::string("sleep 1000 & exec sleep 1000") + ")\" " + marker + " &\n"},
      {"stopped", stay + " &\nkill -STOP $!\n"},
      {"many", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (" + stay + " &); done\n"},
      {"stubborn", "trap '' TERM HUP\n"},
  };
  for (const auto& [name, start] : kinds) {
    sources.add_script(name, ": " + marker + "\n" + start + "echo 1\nwhile :; do sleep 0.2; done");
    sources.add_file(name, "stop-timeout = 50ms\n");
  }
  sources.start();
  for (int round = 0; round < rounds(); ++round) {
    for (const auto& [name, start] : kinds) {
      INFO(name << ", round " << round);
      std::string before = member(sources.status(name), {"published"});
      CHECK(member(sources.call_by_name("start", name), {"state"}) == "running");
      sources.wait_for(name, [&](const std::string& s) { return member(s, {"published"}) != before; });
      CHECK(member(sources.call_by_name("stop", name), {"state"}) == "idle");
      CHECK_FALSE(is_running(marker));
    }
  }
}

TEST_CASE("When bus-sources is killed its sources end, and the next one finds what survived", "[torture]") {
  Sources sources;
  std::string marker = "marker-killed-" + std::to_string(::getpid());
  sources.add_script("plain", "exec sh -c 'echo 1; while :; do sleep 0.2; done' " + marker);
  sources.add_script("stubborn",
                     "setsid sh -c 'trap \"\" TERM HUP; echo 1; while :; do sleep 0.2; done' " + marker);
  for (const char* name : {"plain", "stubborn"}) sources.add_file(name, "start = always\n");
  for (int round = 0; round < rounds(); ++round) {
    sources.start();
    for (const char* name : {"plain", "stubborn"})
      sources.wait_for(name, [](const std::string& s) { return member(s, {"published"}) == "1"; });
    sources.kill();
    CHECK(is_running(marker));
  }
  for (const char* name : {"plain", "stubborn"}) REQUIRE(::unlink(sources.file(name).c_str()) == 0);
  for (const char* name : {"plain", "stubborn"})
    REQUIRE(::unlink(sources.file(std::string(name) + ".source").c_str()) == 0);
  sources.start();
  wait_until_gone(marker);
}

}  // namespace
}  // namespace bus::test
