// busd --detach: a hub in the background, and an answer about it.
#include <algorithm>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

ChildOptions few_descriptors() {
  ChildOptions options;
  options.in_child = [] {
    rlimit limit{100, 100};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  };
  return options;
}

}  // namespace

TEST_CASE("busd --detach returns when the hub is ready, and says on one line who serves") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  RunResult result = run(busd_program(), {"--socket", socket, "--detach", "--queue-frames", "7"});
  CHECK(result.status == ExitStatus{0, 0});
  StatusResponse status = query_status(socket);
  CHECK(result.errors == "busd: pid " + std::to_string(status.pid) + " serves " + socket + "\n");
  CHECK(result.output.empty());
  CHECK(status.limits.queue_frames == 7);
  CHECK(status.limits.idle_exit_ms == 30'000);
  auto pid = static_cast<pid_t>(status.pid);
  CHECK(::getsid(pid) != ::getsid(0));
  char cwd[256] = {};
  REQUIRE(::readlink(("/proc/" + std::to_string(pid) + "/cwd").c_str(), cwd, sizeof cwd - 1) > 0);
  CHECK(std::string(cwd) == "/");
  auto log = read_file(directory.file("bus.log"), 1 << 20);
  REQUIRE(log);
  CHECK(log->find("msg=\"serving\"") != std::string::npos);

  RunResult again = run(busd_program(), {"--socket", socket, "--detach"});
  CHECK(again.status == ExitStatus{0, 0});
  CHECK(again.errors == result.errors);
  stop_detached(socket);
}

TEST_CASE("busd --detach resolves relative paths where it was called, and reads its configuration there") {
  TempDir directory;
  std::ofstream(directory.file("busd.conf")) << "queue-frames = 9\nidle-exit = 10s\n";
  ChildOptions options;
  options.directory = directory.path();
  RunResult result =
      run(busd_program(),
          {"--socket", "sub/b.sock", "--detach", "--config", "busd.conf", "--log-file", "here.log"},
          std::move(options));
  INFO(result.errors);
  REQUIRE(result.status == ExitStatus{0, 0});
  StatusResponse status = query_status(directory.file("sub/b.sock"));
  CHECK(status.limits.queue_frames == 9);
  CHECK(status.limits.idle_exit_ms == 10'000);
  CHECK(read_file(directory.file("here.log"), 1 << 20));
  stop_detached(directory.file("sub/b.sock"));
}

TEST_CASE("busd --detach passes on the reason of a hub that cannot start") {
  TempDir directory;
  std::ofstream(directory.file("bus.sock")) << "precious";
  RunResult result = run(busd_program(), {"--socket", directory.file("bus.sock"), "--detach"});
  CHECK(result.status == ExitStatus{69, 0});
  CHECK(result.errors.find("is not a socket") != std::string::npos);
  CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
}

TEST_CASE("busd --detach says which settings have no effect") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  RunResult result = run(busd_program(), {"--socket", socket, "--detach", "--uid-share", "50"});
  CHECK(result.status == ExitStatus{0, 0});
  CHECK(
      result.errors.ends_with("busd: uid-share has no effect: it limits other users, and none is admitted "
                              "(--allow-uid, --allow-gid)\n"));
  for (const char* how : {"--detach", "--foreground"}) {
    RunResult again = run(busd_program(), {"--socket", socket, how, "--queue-frames", "9"});
    CHECK(again.status == ExitStatus{0, 0});
    CHECK(
        again.errors.ends_with("busd: that hub keeps its own settings; to serve with those given here, stop "
                               "it first (bus-stop)\n"));
  }
  stop_detached(socket);
  RunResult checked = run(busd_program(), {"--check-config", "--max-connections", "5000"}, few_descriptors());
  CHECK(checked.errors.find("max-connections 5000 is lowered to 68: ") != std::string::npos);
}

TEST_CASE(
    "A log file that cannot be opened is named with its option, in the foreground and in the background") {
  TempDir directory;
  for (const char* how : {"--foreground", "--detach"}) {
    RunResult result = run(busd_program(), {"--socket", directory.file("bus.sock"), how, "--log-file",
                                            directory.file("none/x.log")});
    CHECK(result.status == ExitStatus{73, 0});
    CHECK(result.errors == "busd: --log-file: open \"" + directory.file("none/x.log") +
                               "\": No such file or directory; name a file in a directory that exists and is "
                               "yours\n");
    CHECK(::access(directory.file("bus.sock").c_str(), F_OK) != 0);
  }
}

TEST_CASE("With --json-errors, or BUSD_ERRORS=json, each fatal error is one object on stderr") {
  TempDir directory;
  std::string file = directory.file("file/bus.sock");
  std::ofstream(directory.file("file")) << "x";
  auto json = [](const std::vector<std::string>& words) {
    ChildOptions options;
    options.environment = {{"BUSD_ERRORS", "json"}};
    RunResult by_variable = run(busd_program(), words, std::move(options));
    std::vector<std::string> more = words;
    more.emplace_back("--json-errors");
    RunResult by_option = run(busd_program(), more);
    CHECK(by_option.errors == by_variable.errors);
    CHECK(by_option.status == by_variable.status);
    return by_option.errors;
  };
  CHECK(
      json({"--zebra", "--vresion"}) ==
      R"({"code":"unknown_option","exit":64,"message":"unknown option --zebra","hint":"see busd --help"})"
      "\n"
      R"({"code":"unknown_option","exit":64,"message":"unknown option --vresion","hint":"did you mean --version?"})"
      "\n");
  CHECK(
      json({"--socket", "/x/y.sock", "--bus", "z"}) ==
      R"({"code":"conflict","exit":64,"message":"--socket excludes --bus","hint":"name the hub by only one of them"})"
      "\n");
  for (const char* how : {"--foreground", "--detach"}) {
    std::string log = json({how, "--socket", directory.file("bus.sock"), "--log-file", file});
    CHECK(log.starts_with(R"({"code":"output_failed","exit":73,"message":"--log-file: open \")"));
    CHECK(log.ends_with(R"(,"path":")" + file + "\"}\n"));
  }
  std::ofstream(directory.file("bad.conf")) << "queue-frame = 1\n";
  CHECK(json({"--config", directory.file("bad.conf")}).starts_with(R"({"code":"bad_config","exit":78,)"));
  // The reason of a hub in the background is its starter's error.
  std::ofstream(directory.file("taken.sock")) << "precious";
  std::string taken = json({"--detach", "--socket", directory.file("taken.sock")});
  CHECK(taken.starts_with(R"({"code":"no_hub","exit":69,"message":"\")" + directory.file("taken.sock")));
}
