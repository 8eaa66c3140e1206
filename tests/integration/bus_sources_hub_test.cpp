// bus-sources and its hub: tasks, programs that take requests, the hub's end, the directory while it runs.
#include <csignal>
#include <filesystem>
#include <set>

#include "tests/integration/bus_sources_support.h"
#include "tests/integration/stranger.h"

namespace bus::test {
namespace {

constexpr const char* kClock = "while :; do echo 1; sleep 0.02; done";

// --- the hub ---

TEST_CASE("A second bus-sources ends at once and says who serves", "[hub]") {
  Sources sources;
  sources.start();
  Child second = sources.run();
  CHECK(second.wait() == ExitStatus{0, 0});
  CHECK(second.errors() == "bus-sources: pid " + std::to_string(sources.supervisor().pid()) +
                               " serves the sources of " + sources.socket() + "\n");
}

TEST_CASE("When its hub ends in order it ends, too, and stops what it runs", "[hub]") {
  Sources sources;
  std::string marker = "marker-order-" + std::to_string(::getpid());
  sources.add_script("a", "exec sh -c 'while :; do echo 1; sleep 0.02; done' " + marker);
  sources.add_file("a", "start = always\n");
  sources.start();
  sources.wait_for_state("a", "running");
  sources.stop_hub();
  CHECK(sources.supervisor().wait() == ExitStatus{0, 0});
  CHECK_FALSE(is_running(marker));
}

TEST_CASE("When its hub is killed its sources run on, and it finds the next hub", "[hub]") {
  Sources sources;
  sources.add_script("a", kClock);
  sources.add_file("a", "start = always\n");
  sources.add_script("d", kClock);
  sources.start();
  {
    Listener listener(sources.socket(), {"d"});
    CHECK(listener.next().payload == "1");
  }
  sources.wait_for_state("a", "running");
  std::string before = member(sources.status("a"), {"pid"});
  std::string before_d = member(sources.status("d"), {"pid"});
  sources.kill_hub();
  sources.supervisor().wait_for_errors("the hub is gone");
  CHECK(sources.supervisor().running());
  sources.start_hub();
  Listener listener(sources.socket(), {"a"});
  CHECK(listener.next().payload == "1");
  CHECK(member(sources.status("a"), {"pid"}) == before);
  CHECK(member(sources.status("d"), {"pid"}) == before_d);
}

TEST_CASE("It starts no hub, and waits for one that is not there yet", "[hub]") {
  Sources sources;
  sources.kill_hub();
  Child waiting = sources.run();
  waiting.wait_for_errors("waiting for one");
  sources.start_hub();
  waiting.wait_for_errors("serving 0 sources");
  waiting.signal(SIGTERM);
  CHECK(waiting.wait() == ExitStatus{0, 0});
}

TEST_CASE("A bus-sources that waits ends when the directory of the socket is gone", "[hub]") {
  TempDir above;
  std::string directory = above.file("bus");
  std::string marker = "marker-gone-" + std::to_string(::getpid());
  for (const std::string& each : {directory, above.file("sources.d"), above.file("run")})
    REQUIRE(::mkdir(each.c_str(), 0700) == 0);
  write_text(above.file("sources.d/s"),
             "#!/bin/sh\nexec sh -c 'while :; do sleep 0.05; done' " + marker + "\n", 0755);
  write_text(above.file("sources.d/s.source"), "start = always\n");
  std::vector<std::string> arguments = {"--socket", directory + "/bus.sock", "--dir", above.file("sources.d"),
                                        "--state",  above.file("state")};
  SECTION("with its lock in there") {}
  SECTION("with its lock elsewhere") { arguments.insert(arguments.end(), {"--run", above.file("run")}); }
  Child waiting(BUSD_BIN_DIR "/bus-sources", arguments);
  waiting.wait_for_errors("waiting for one");
  for (TimePoint end = now() + kPatience; !is_running(marker) && now() < end;) ::usleep(5000);
  REQUIRE(is_running(marker));
  std::filesystem::remove_all(directory);
  CHECK(waiting.wait() == ExitStatus{0, 0});
  CHECK(waiting.errors().find("ending: the directory of the hub's socket is gone") != std::string::npos);
  CHECK_FALSE(is_running(marker));
}

TEST_CASE("A bus-sources that may not serve its hub ends, and says why", "[hub]") {
  if (!can_be_another()) return;
  Sources sources({"--allow-uid", std::to_string(kStranger)});
  open_to_all(sources.hub());
  TempDir theirs;
  for (const char* name : {"", "/sources.d"}) {
    std::string directory = theirs.path() + name;
    if (*name != '\0') REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
    REQUIRE(::chown(directory.c_str(), kStranger, kStranger) == 0);
  }
  ChildOptions as_stranger;
  as_stranger.in_child = [] {
    if (!become(kStranger)) ::_exit(1);
    if (::access(BUSD_BIN_DIR "/bus-sources", X_OK) != 0) ::_exit(2);
  };
  std::vector<std::string> arguments = {"--socket", sources.socket(), "--dir", theirs.file("sources.d"),
                                        "--state",  theirs.path(),    "--run", theirs.path()};
  Child shut_out(BUSD_BIN_DIR "/bus-sources", arguments, as_stranger);
  ExitStatus status = shut_out.wait();
  if (status == ExitStatus{2, 0}) {
    WARN("skipped: other users cannot run bus-sources");
    return;
  }
  CHECK(status == ExitStatus{77, 0});
  INFO(shut_out.errors());
  CHECK(shut_out.errors().find("says: tasks below bus. belong to the hub: ") != std::string::npos);
  CHECK(shut_out.errors().find("; its setting sources-user names who may") != std::string::npos);
}

TEST_CASE("What is on demand keeps no hub, what runs always does", "[hub]") {
  Sources sources({"--idle-exit", "1s"});
  // Until all are there.
  auto keeper = open_connection(connection_options(sources.socket(), "keeper"));
  sources.add_script("d", kClock);
  SECTION("on demand") {
    sources.start();
    keeper.abandon();
    sources.hub().expect_clean_exit();
    CHECK(sources.supervisor().wait() == ExitStatus{0, 0});
  }
  SECTION("always") {
    sources.add_script("a", kClock);
    sources.add_file("a", "start = always\n");
    sources.start();
    sources.wait_for_state("a", "running");
    keeper.abandon();
    ::usleep(2'500'000);  // what must not happen
    CHECK(sources.hub().running());
  }
}

TEST_CASE("The states of a source are known to the hub's consumers", "[hub]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.start();
  auto consumer = open_consumer(consumer_options(sources.socket(), "k", {"s"}));
  std::vector<std::string> seen;
  // The connection of bus-sources itself may be told before: it is connected as long as it has said nothing else.
  while (seen.empty() || seen.back() != "source s connecting") seen.push_back(next_item(consumer));
  while (seen.back() != "source s connected") seen.push_back(next_item(consumer));
}

// --- tasks ---

TEST_CASE("The tasks list, start, stop and restart sources by name", "[tasks]") {
  Sources sources;
  sources.add_script("alpha", kClock);
  sources.add_script("beta", kClock);
  sources.add_file("beta", "linger = 3s\nmemory-max = 64MiB\nenvironment = SECRET=hush\n");
  sources.start();
  std::string list = sources.call("list");
  CHECK(member(list, {"sources", "0", "name"}) == "alpha");
  CHECK(member(list, {"sources", "1", "name"}) == "beta");
  CHECK(member(list, {"sources", "0", "types"}) == R"(["alpha","alpha.*"])");
  std::string status = sources.status("beta");
  CHECK(member(status, {"limits", "linger_ms"}) == "3000");
  CHECK(member(status, {"limits", "memory_max"}) == "67108864");
  CHECK(member(status, {"file"}) == sources.file("beta.source"));
  for (const char* setting :
       {"format", "event_type", "connection", "stdin", "directory", "log_file", "every_ms"})
    CHECK(member(status, {setting}).empty());
  CHECK(member(status, {"environment"}) == R"(["SECRET"])");
  CHECK(status.find("hush") == std::string::npos);
  std::string started = sources.call_by_name("start", "alpha");
  CHECK(member(started, {"state"}) == "running");
  CHECK(member(started, {"pid"}) != "");
  std::string restarted = sources.call_by_name("restart", "alpha");
  CHECK(member(restarted, {"state"}) == "running");
  CHECK(member(restarted, {"pid"}) != member(started, {"pid"}));
  std::string stopped = sources.call_by_name("stop", "alpha");
  CHECK(member(stopped, {"state"}) == "idle");
  CHECK(member(stopped, {"exit", "signal"}) == "15");
  CHECK(member(stopped, {"exit", "reason"}) == "stopped");
  CHECK(sources.call("stop") == R"(bad_args: the name of the source is missing: {"name":"…"})");
  CHECK(sources.call_by_name("stop", "alpa") ==
        "not_found: there is no source \"alpa\"; did you mean alpha?");
  CHECK(sources.call("nonsense").starts_with("no_provider"));
}

TEST_CASE("The settings of a source that are not the defaults are in its status", "[tasks]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.add_file(
      "s",
      "every = 5s\nformat = json\ntypes = a.*\nevent_type = a.b\nstdin = frames\ndirectory = /\nlog-file = " +
          sources.scratch("s.log") + "\n");
  sources.start();
  std::string status = sources.status("s");
  CHECK(member(status, {"every_ms"}) == "5000");
  CHECK(member(status, {"format"}) == "json");
  CHECK(member(status, {"event_type"}) == "a.b");
  CHECK(member(status, {"stdin"}) == "frames");
  CHECK(member(status, {"directory"}) == "/");
  CHECK(member(status, {"log_file"}) == sources.scratch("s.log"));
}

TEST_CASE("A start that fails is answered with the reason", "[tasks]") {
  Sources sources;
  sources.add_file("x", "command = /nonexistent/program\n");
  sources.start();
  CHECK(sources.call_by_name("start", "x").starts_with("failed: x: "));
}

TEST_CASE("A mark that disables a source survives bus-sources", "[tasks]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  CHECK(member(sources.call_by_name("disable", "s"), {"state"}) == "disabled");
  CHECK(sources.call_by_name("start", "s") == "failed: s: it is disabled: enable it first");
  sources.stop();
  sources.start();
  CHECK(sources.state("s") == "disabled");
  sources.call_by_name("enable", "s");
  sources.wait_for_state("s", "running");
}

TEST_CASE("A log is read from the ring and on, without a gap", "[tasks]") {
  Sources sources;
  sources.add_script("s", "echo one >&2; echo two; cat " + sources.scratch("fifo") + " >&2");
  sources.add_file("s", "format = frames\n");
  REQUIRE(::mkfifo(sources.scratch("fifo").c_str(), 0600) == 0);
  sources.start();
  sources.call_by_name("start", "s");
  sources.wait_for("s", [](const std::string& status) { return member(status, {"log_lines"}) == "2"; });
  LogReader all(sources.socket(), R"({"name":"s"})");
  std::set<std::string> lines = {member(all.next(), {"line"}), member(all.next(), {"line"})};
  CHECK(lines == std::set<std::string>{"one", "two"});
  CHECK(all.next() == "null");
  LogReader out(sources.socket(), R"({"name":"s","stream":"stdout"})");
  CHECK(member(out.next(), {"line"}) == "two");
  CHECK(out.next() == "null");
  LogReader follower(sources.socket(), R"({"name":"s","lines":1,"follow":true})");
  CHECK(member(follower.next(), {"n"}) == "2");
  Fd fifo(::open(sources.scratch("fifo").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(write_all(fifo.get(), "three\nfour\n"));
  std::string third = follower.next();
  CHECK(member(third, {"n"}) == "3");
  CHECK(member(third, {"line"}) == "three");
  CHECK(member(third, {"stream"}) == "stderr");
  CHECK(member(third, {"run"}) == "1");
  CHECK(member(follower.next(), {"line"}) == "four");
  fifo.reset();
}

TEST_CASE("A line that does not fit into a frame is cut in the answer, which goes on and ends", "[tasks]") {
  Sources sources;
  sources.add_script("s",
                     "head -c 1048500 /dev/zero | tr '\\0' x >&2; echo >&2\n"
                     "head -c 200000 /dev/zero | tr '\\0' '\\1' >&2; echo >&2\n"
                     "echo last >&2; exec sleep 1000");
  sources.add_file("s", "log-bytes = 8MiB\n");
  sources.start();
  sources.call_by_name("start", "s");
  sources.wait_for("s", [](const std::string& status) { return member(status, {"log_lines"}) == "3"; });
  for (const char* follow : {"false", "true"}) {
    LogReader log(sources.socket(), std::string(R"({"name":"s","follow":)") + follow + "}");
    std::string first = member(log.next(), {"line"});
    CHECK(first.size() > 1'000'000);
    CHECK(first.substr(first.size() - 30).find(" bytes left out)") != std::string::npos);
    std::string second = member(log.next(), {"line"});
    CHECK(second.size() > 170'000);  // each byte is six of JSON
    CHECK(second.ends_with(" bytes left out)"));
    CHECK(member(log.next(), {"line"}) == "last");
    if (follow == std::string_view("false")) CHECK(log.next() == "null");
  }
}

TEST_CASE("The status of a source fits into a frame whatever it has written", "[tasks]") {
  Sources sources;
  sources.add_script("s",
                     "for i in 1 2 3 4 5; do head -c 60000 /dev/zero | tr '\\0' '\\1' >&2; echo >&2; done\n"
                     "exec sleep 1000");
  sources.add_file("s", "log-bytes = 1MiB\n");
  sources.start();
  sources.call_by_name("start", "s");
  std::string status =
      sources.wait_for("s", [](const std::string& s) { return member(s, {"log_lines"}) == "5"; });
  CHECK(status.size() < 40'000);
  CHECK(member(status, {"log", "4", "line"}).ends_with(" bytes left out)"));
}

TEST_CASE("A list that would not fit into a frame says what it leaves out", "[tasks]") {
  Sources sources;
  std::string types = "types = s";
  for (int i = 0; i < 255; ++i) types += ", s." + std::to_string(i) + std::string(230, 'x');
  for (int i = 0; i < 20; ++i) {
    std::string name = "s" + std::to_string(i);
    sources.add_file(name, "command = /bin/true\n" + types + "\nevent_type = s\n");
  }
  sources.start();
  std::string list = sources.call("list");
  CHECK(member(list, {"sources", "19", "name"}) == "s9");
  CHECK(member(list, {"sources", "19", "types"}) == "");
  CHECK(member(list, {"left_out"}) == R"(["types"])");
  CHECK(member(sources.status("s9"), {"types", "0"}) == "s");
}

TEST_CASE("A reload with more faults than fit into a frame says how many are left out", "[tasks]") {
  Sources sources;
  sources.start();
  std::string lines;
  for (int i = 0; i < 16'000; ++i) lines += "x=1\n";
  sources.add_file("s", lines);
  std::string reloaded = sources.call("reload");
  CHECK(member(reloaded, {"faults", "0", "line"}) == "1");
  CHECK(member(reloaded, {"faults_left_out"}) != "");
}

TEST_CASE("What is wrong with a question about a log is said", "[tasks]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.start();
  CHECK(sources.call("logs", R"({"name":"s"})") ==
        "bad_args: the answer is a stream: ask for it with \"stream\":true");
  CHECK(sources.call("logs", R"({"name":"s","lines":"many"})") ==
        "bad_args: lines must be a whole number, not \"many\"");
  CHECK(sources.call("logs", R"({"name":"s","stream":"stdin"})") ==
        "bad_args: stream must be stdout or stderr, not \"stdin\"");
  CHECK(sources.call("reload", R"({"nam":"s"})") == "bad_args: bus.source.reload takes no \"nam\"");
  LogReader unknown(sources.socket(), R"({"name":"t"})");
  CHECK(unknown.next() == "not_found");
}

// --- programs that do more than print ---

TEST_CASE("A program that reads frames learns of interest, and answers requests that have started it",
          "[program]") {
  Sources sources;
  sources.add_script("adder", R"(while read -r line; do
  case $line in
    *'"type":"interest"'*) echo "$line" >&2 ;;
    *'"type":"request"'*)
      id=${line#*'"id":"'}; id=${id%%'"'*}
      case $line in
        *'"fail"'*) printf '{"type":"response","id":"%s","error":{"code":"no_sum","message":"cannot"}}\n' "$id" ;;
        *) printf '{"type":"response","id":"%s","result":3}\n' "$id" ;;
      esac ;;
  esac
done)");
  sources.add_file("adder", "stdin = frames\ntasks = math.add, math.fail\nlinger = 0s\n");
  sources.start();
  busd::Connection caller = opened(busd::Connection::open({.socket = sources.socket(), .no_start = true}));
  auto answer = caller.call("math.add", "[1,2]", {.wait = true});
  INFO(answer.message);
  REQUIRE(answer);
  CHECK(answer.result == "3");
  auto failure = caller.call("math.fail", R"("fail")");
  REQUIRE_FALSE(failure);
  CHECK(failure.code == "no_sum");
  std::string status = sources.wait_for_state("adder", "idle");
  CHECK(member(status, {"run"}) != "0");
  Listener listener(sources.socket(), {"adder"});
  LogReader log(sources.socket(), R"({"name":"adder","follow":true})");
  std::string line;
  do {
    line = member(log.next(), {"line"});
  } while (line != R"({"type":"interest","event_type":"adder","consumers":1})");
}

TEST_CASE(
    "A request that its program does not survive ends with the reason, and is not given to the next run",
    "[program]") {
  Sources sources;
  sources.add_script("poison", "read -r line; exit 4");
  sources.add_file("poison", "stdin = frames\ntasks = poison\ntypes = never\n");
  sources.start();
  busd::Connection caller = opened(busd::Connection::open({.socket = sources.socket(), .no_start = true}));
  auto answer = caller.call("poison", "null", {.wait = true});
  REQUIRE_FALSE(answer);
  CHECK(answer.code == "failed");
}

TEST_CASE("A program that provides its task itself is started by a request, which is passed on to it",
          "[program]") {
  Sources sources;
  sources.add_file("square",
                   "command = " BUSD_BIN_DIR "/example-squares serve\ntasks = math.square\ntypes = never\n");
  sources.start();
  busd::Connection caller = opened(busd::Connection::open({.socket = sources.socket(), .no_start = true}));
  auto answer = caller.call("math.square", "7", {.wait = true});
  INFO(answer.message);
  REQUIRE(answer);
  CHECK(answer.result == "49");
}

TEST_CASE("With connection = socket a program speaks to the hub itself, by its stdin and stdout",
          "[program]") {
  Sources sources;
  sources.add_script("own", R"(read -r interest
echo "$interest" >&2
echo '{"type":"event","event_type":"own","payload":"mine"}'
while read -r line; do echo "$line" >&2; done
echo over >&2)");
  sources.add_file("own", "connection = socket\n");
  sources.start();
  Listener listener(sources.socket(), {"own"});
  CHECK(listener.next().payload == R"("mine")");
  LogReader log(sources.socket(), R"({"name":"own"})");
  CHECK(member(log.next(), {"line"}) == R"({"type":"interest","event_type":"own","consumers":1})");
  std::string status = sources.status("own");
  CHECK(member(status, {"connection"}) == "socket");
  CHECK(member(status, {"published"}).empty());
}

// --- the directory while it runs ---

TEST_CASE("A source that is dropped in is there, one that is changed runs anew, one that is removed stops",
          "[directory]") {
  Sources sources;
  sources.add_script("stays", kClock);
  sources.start();
  Listener listener(sources.socket(), {"stays", "s"});
  CHECK(listener.until("stays").payload == "1");
  std::string before = member(sources.status("stays"), {"pid"});
  sources.add_script("s", "while :; do echo '\"old\"'; sleep 0.02; done");
  CHECK(listener.until("s").payload == R"("old")");
  sources.add_script("s", "while :; do echo '\"new\"'; sleep 0.02; done");
  while (listener.until("s").payload != R"("new")") {
  }
  REQUIRE(::unlink(sources.file("s").c_str()) == 0);
  sources.wait_for("s", [](const std::string& status) { return status.starts_with("not_found"); });
  CHECK(member(sources.status("stays"), {"pid"}) == before);
}

TEST_CASE("A program that is touched, or written again as it was, has not changed", "[directory]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.start();
  Listener listener(sources.socket(), {"s"});
  CHECK(listener.next().payload == "1");
  std::string pid = member(sources.status("s"), {"pid"});
  auto changed = [&] { return member(sources.call("reload"), {"changed"}); };
  SECTION("touched") { REQUIRE(::utimensat(AT_FDCWD, sources.file("s").c_str(), nullptr, 0) == 0); }
  SECTION("another file of the same contents") { sources.add_script("s", kClock); }
  SECTION("written in place") {
    Fd file(::open(sources.file("s").c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(write_all(file.get(), std::string("#!/bin/sh\n") + kClock + "\n"));
  }
  CHECK(changed() == "[]");
  CHECK(member(sources.status("s"), {"pid"}) == pid);
  CHECK(member(sources.status("s"), {"run"}) == "1");
  // Other contents of the same length are a change, now as before.
  sources.add_script("s", "while :; do echo 2; sleep 0.02; done");
  changed();
  while (listener.next().payload != "2") {
  }
  CHECK(member(sources.status("s"), {"run"}) == "2");
}

TEST_CASE("A source whose file gets a fault ends, and its events, the list and whoever names it say why",
          "[directory]") {
  Sources sources;
  sources.add_script("s", kClock);
  sources.start();
  Listener listener(sources.socket(), {"s", "bus.source.*"});
  CHECK(listener.until("s").payload == "1");
  CHECK(member(sources.call("list"), {"faults"}) == "[]");
  sources.add_file("s", "nice = 1\nlingre = 1s\n");
  std::string fault = sources.file("s.source") + ":2: unknown key ";
  CHECK(member(listener.until("bus.source.stopping").payload, {"gone"}).starts_with(fault));
  CHECK(member(listener.until("bus.source.idle").payload, {"gone"}).starts_with(fault));
  std::string status =
      sources.wait_for("s", [](const std::string& text) { return text.starts_with("not_found"); });
  CHECK(status.starts_with("not_found: there is no source \"s\": " + fault));
  std::string list = sources.call("list");
  CHECK(member(list, {"sources"}) == "[]");
  CHECK(member(list, {"faults", "0", "file"}) == sources.file("s.source"));
  CHECK(member(list, {"faults", "0", "line"}) == "2");
  CHECK(member(list, {"faults", "0", "message"}).starts_with("unknown key "));
  sources.supervisor().wait_for_errors("s ends: " + fault);
  REQUIRE(::unlink(sources.file("s.source").c_str()) == 0);
  CHECK(listener.until("s").payload == "1");
  REQUIRE(::unlink(sources.file("s").c_str()) == 0);
  CHECK(member(listener.until("bus.source.stopping").payload, {"gone"}) ==
        "it is no longer in its directory");
}

TEST_CASE("reload says what has changed and what is wrong, and a change of the linger restarts nothing",
          "[directory]") {
  Sources sources;
  sources.add_script("a", kClock);
  sources.add_script("gone", kClock);
  sources.start();
  Listener listener(sources.socket(), {"a"});
  CHECK(listener.next().payload == "1");
  std::string before = member(sources.status("a"), {"pid"});
  // Stopped, it sees none of the changes before it is asked to look.
  sources.supervisor().signal(SIGSTOP);
  wait_for_state(sources.supervisor().pid(), 'T');
  sources.add_file("a", "linger = 1h\n");
  sources.add_script("fresh", kClock);
  sources.add_file("bad", "command = x\nlingre = 1s\n");
  REQUIRE(::unlink(sources.file("gone").c_str()) == 0);
  OpenCall reload(sources.socket(), "bus.source.reload", "null", false);
  sources.supervisor().signal(SIGCONT);
  std::string said = reload.next();
  CHECK(member(said, {"added"}) == R"(["fresh"])");
  CHECK(member(said, {"removed"}) == R"(["gone"])");
  CHECK(member(said, {"changed"}) == R"(["a"])");
  CHECK(member(said, {"faults", "0", "file"}) == sources.file("bad.source"));
  CHECK(member(said, {"faults", "0", "line"}) == "2");
  CHECK(member(sources.status("a"), {"pid"}) == before);
  CHECK(member(sources.status("a"), {"limits", "linger_ms"}) == "3600000");
}

TEST_CASE("--check says every fault with file and line, and runs nothing", "[directory]") {
  Sources sources;
  sources.add_script("good", "touch " + sources.scratch("ran"));
  sources.add_file("bad", "linger = soon\n");
  Child check = sources.run({"--check"});
  CHECK(check.wait() == ExitStatus{64, 0});
  CHECK(check.errors().find(sources.file("bad.source") + ":1: linger: ") != std::string::npos);
  CHECK(check.errors().find("bad.source: there is no executable bad") != std::string::npos);
  CHECK(check.errors().find("1 source is fine: good") != std::string::npos);
  CHECK(::access(sources.scratch("ran").c_str(), F_OK) != 0);
  REQUIRE(::unlink(sources.file("bad.source").c_str()) == 0);
  Child fine = sources.run({"--check"});
  CHECK(fine.wait() == ExitStatus{0, 0});
}

}  // namespace
}  // namespace bus::test
