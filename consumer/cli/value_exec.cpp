#include "consumer/cli/value_exec.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/one_call.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// Commands that fail one after the other do not fill stderr; the count comes at the end.
constexpr uint64_t kMostFailuresSaid = 10;
constexpr int kLookAtExecMs = 20;

void drop_end(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

ValueExec::ValueExec(std::string command, std::string socket, bool as_text, const Console& console)
    : command_(std::move(command)), socket_(std::move(socket)), as_text_(as_text), console_(console) {}

ValueExec::~ValueExec() {
  drop_end(input_);
  drop_end(pid_fd_);
}

bool ValueExec::process() {
  bool one_ended = false;
  if (pid_ > 0) {
    feed();
    one_ended = ended();
  }
  while (pid_ == 0 && !one_ended) {
    auto value = pending_.next();
    if (!value) break;
    start(*value);
    one_ended = pid_ == 0;  // it could not be started
  }
  return one_ended;
}

void ValueExec::start(const busd::Value& value) {
  key_ = value.key;
  rest_ = as_text_ ? raw_text(value.json, false) : value.json;
  if (!value.deleted) rest_ += '\n';
  written_ = 0;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return report(std::string("could not be started: ") + std::strerror(errno));
  const Variables variables = {{"BUSD_KEY", value.key},
                               {"BUSD_VERSION", std::to_string(value.version)},
                               {"BUSD_REV", std::to_string(value.rev)},
                               {"BUSD_DELETED", value.deleted ? "1" : ""},
                               {"BUSD_SKIPPED", std::to_string(value.skipped)},
                               {"BUSD_SOCKET", socket_}};
  std::string fault = start_command(command_, variables, {.input = ends[0], .output = STDOUT_FILENO}, pid_);
  close(ends[0]);
  input_ = ends[1];
  if (!fault.empty()) {
    pid_ = 0;
    drop_end(input_);
    return report(fault);
  }
  watch_job(pid_);
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  fcntl(input_, F_SETFL, O_NONBLOCK);
  feed();
}

void ValueExec::feed() {
  while (input_ >= 0 && written_ < rest_.size()) {
    ssize_t n = write(input_, rest_.data() + written_, rest_.size() - written_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;  // EPIPE: the command does not want the rest
    written_ += static_cast<size_t>(n);
  }
  drop_end(input_);
}

bool ValueExec::ended() {
  siginfo_t info{};
  int fault = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  if (fault == 0 && info.si_pid == 0) return false;
  if (fault != 0 && errno == EINTR) return false;
  // Until it is reaped its number is its own: a signal to the group cannot meet another one.
  forget_job(pid_);
  int status = 0;
  std::string text = waitpid(pid_, &status, 0) == pid_
                         ? command_fault(status)
                         : std::string("could not be waited for: ") + std::strerror(errno);
  pid_ = 0;
  drop_end(input_);
  drop_end(pid_fd_);
  if (!text.empty()) report(text);
  return true;
}

void ValueExec::report(const std::string& fault) {
  ++failed_;
  if (failed_ > kMostFailuresSaid) return;
  console_.error(ErrorCode::command_failed, "--exec " + fault + " for key " + key_ + ": " + command_);
  if (failed_ == kMostFailuresSaid) console_.warning("further failures of --exec are only counted");
}

void ValueExec::add_waits(std::vector<pollfd>& waits) const {
  if (pid_ == 0) return;
  waits.push_back({.fd = pid_fd_, .events = POLLIN, .revents = 0});
  waits.push_back({.fd = input_, .events = POLLOUT, .revents = 0});
}

void ValueExec::finish() {
  if (pid_ > 0 && caught_signal() != 0 && isatty(STDERR_FILENO) == 1)
    console_.note("waiting for the command of --exec; a second signal ends it");
  while (pid_ > 0) {
    std::vector<pollfd> waits;
    add_waits(waits);
    poll(waits.data(), waits.size(), must_look() ? kLookAtExecMs : -1);
    feed();
    ended();
  }
  if (failed_ > kMostFailuresSaid)
    console_.error(ErrorCode::command_failed, "--exec failed for " + counted(failed_, "change"));
}

}  // namespace bus::cli
