#include "tests/support/hub_fixture.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/raw_client.h"

namespace bus::test {

namespace {

constexpr int kReadyFdOfChild = 3;

// What is started in busd's place by tests/valgrind; nullptr: nothing is.
const char* substitute() { return std::getenv("BUSD_TEST_HUB"); }

// Such a program takes long to begin.
Duration start_patience() { return substitute() != nullptr ? 6 * kPatience : kPatience; }

}  // namespace

std::string busd_program() {
  const char* other = substitute();
  return other != nullptr ? other : BUSD_PROGRAM;
}

std::string read_descriptor_line(int fd, Duration patience) {
  TimePoint deadline = now() + patience;
  std::string line;
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    auto left = std::max<long long>(to_ms(deadline - now()), 0);
    if (::poll(&waiting, 1, static_cast<int>(left)) == 0) FAIL("no line in time; there was: " << line);
    char c = 0;
    ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) FAIL("EOF instead of a line; there was: " << line);
    if (c == '\n') return line;
    line += c;
  }
}

StatusResponse query_status(const std::string& socket) {
  RawClient client(socket);
  client.send_line(R"({"type":"status_query"})");
  auto status = client.read_as<StatusResponse>();
  client.expect_eof();
  return status;
}

void stop_detached(const std::string& socket) {
  Fd ended = watch_process(static_cast<pid_t>(query_status(socket).pid));
  RawClient client(socket);
  client.send_line(R"({"type":"shutdown"})");
  client.expect_eof();
  pollfd waiting{ended.get(), POLLIN, 0};
  CHECK(::poll(&waiting, 1, 10'000) == 1);
}

HubProcess::HubProcess(const std::vector<std::string>& arguments, ChildOptions options)
    : own_directory_(std::make_unique<TempDir>()), directory_(own_directory_->path()) {
  start(arguments, std::move(options));
}

HubProcess::HubProcess(const TempDir& directory, const std::vector<std::string>& arguments,
                       ChildOptions options)
    : directory_(directory.path()) {
  start(arguments, std::move(options));
}

void HubProcess::start(const std::vector<std::string>& arguments, ChildOptions options) {
  socket_ = directory_ + "/bus.sock";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) FAIL("pipe failed");
  Fd ready(ends[0]);
  Fd theirs(ends[1]);
  options.descriptors.emplace_back(theirs.get(), kReadyFdOfChild);
  std::vector<std::string> all = {"--socket", socket_, "--ready-fd", std::to_string(kReadyFdOfChild)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  child_ = std::make_unique<Child>(busd_program(), all, std::move(options));
  theirs.reset();
  std::string line = read_descriptor_line(ready.get(), start_patience());
  if (line != "ready") FAIL("busd did not start: " << line << "\n" << child_->errors());
  // Its end of the pipe is closed: from here on the number of its descriptors is steady.
  char none = 0;
  if (::read(ready.get(), &none, 1) != 0) FAIL("busd wrote more than one line to its readiness descriptor");
  REQUIRE(::lstat(socket_.c_str(), &socket_when_ready_) == 0);
  descriptors_when_ready_ = open_descriptors(pid());
}

HubProcess::~HubProcess() noexcept(false) {
  // A test that failed unwinds through here: then the child's destructor only ends what still runs.
  if (!over_ && std::uncaught_exceptions() == 0) {
    child_->signal(SIGCONT);
    child_->signal(SIGTERM);
    CHECK(child_->wait() == ExitStatus{0, 0});
  }
}

void HubProcess::stop() {
  REQUIRE_FALSE(has_children(pid()));
  child_->signal(SIGTERM);
  expect_clean_exit();
}

void HubProcess::expect_clean_exit() {
  ExitStatus status = child_->wait();
  over_ = true;
  INFO("busd wrote:\n" << log());
  CHECK(status.signal == 0);
  CHECK(status.code == 0);
  // Its own socket is gone; another hub may have put one up already, in an inode with the same number.
  struct stat there {};
  bool still_there = ::lstat(socket_.c_str(), &there) == 0 && there.st_ino == socket_when_ready_.st_ino &&
                     there.st_mtim.tv_sec == socket_when_ready_.st_mtim.tv_sec &&
                     there.st_mtim.tv_nsec == socket_when_ready_.st_mtim.tv_nsec;
  CHECK_FALSE(still_there);
}

void HubProcess::kill() {
  child_->signal(SIGKILL);
  CHECK(child_->wait().signal == SIGKILL);
  over_ = true;
}

void HubProcess::pause() {
  child_->signal(SIGSTOP);
  wait_for_state(pid(), 'T');
}

void HubProcess::resume() { child_->signal(SIGCONT); }

StatusResponse HubProcess::wait_for_status(const std::function<bool(const StatusResponse&)>& wanted) const {
  TimePoint deadline = now() + kPatience;
  for (;;) {
    // Paced by the hub itself: each look is a round trip.
    StatusResponse response = status();
    if (wanted(response)) return response;
    if (now() >= deadline) {
      FAIL("the hub's status does not become as expected: "
           << response.active_conns << " connections, " << response.consumers.size() << " consumers, "
           << response.events.published << " published, " << response.events.dropped << " dropped");
    }
  }
}

void HubProcess::expect_no_descriptor_leak() {
  size_t open = 0;
  wait_for_status([&](const StatusResponse& response) {
    open = open_descriptors(pid());
    return response.active_conns == 0 && open <= descriptors_when_ready_;
  });
  CHECK(open <= descriptors_when_ready_);
}

}  // namespace bus::test
