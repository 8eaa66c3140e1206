// busd --detach: a hub in the background, and an answer about it.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <poll.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

// Ends a hub that is not our child, and waits for its end.
void stop_hub(const std::string& socket) {
  auto pid = static_cast<pid_t>(query_status(socket).pid);
  Fd ended = watch_process(pid);
  RawClient client(socket);
  client.send_line(R"({"type":"shutdown"})");
  client.expect_eof();
  pollfd waiting{ended.get(), POLLIN, 0};
  CHECK(::poll(&waiting, 1, 10'000) == 1);
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
  stop_hub(socket);
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
  stop_hub(directory.file("sub/b.sock"));
}

TEST_CASE("busd --detach passes on the reason of a hub that cannot start") {
  TempDir directory;
  std::ofstream(directory.file("bus.sock")) << "precious";
  RunResult result = run(busd_program(), {"--socket", directory.file("bus.sock"), "--detach"});
  CHECK(result.status == ExitStatus{69, 0});
  CHECK(result.errors.find("is not a socket") != std::string::npos);
  CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
}
