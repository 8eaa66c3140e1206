#include "consumer/cli/exec_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// Commands that fail one after the other do not fill stderr; the count comes at the end.
constexpr uint64_t kMostReports = 10;

// How often a command is looked at where the kernel does not tell of its end.
constexpr std::chrono::milliseconds kLookEvery(20);

void close_once(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

int open_pid(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

ExecSink::ExecSink(const ExecOptions& options, Variables variables, const Console& console)
    : options_(options), variables_(std::move(variables)), console_(console) {}

ExecSink::~ExecSink() {
  for (Job& job : jobs_) {
    close_once(job.input);
    close_once(job.pid_fd);
  }
}

Outcome ExecSink::take(const busd::Event& event, int64_t received_ms) {
  Job job;
  job.event = std::string(event.type()) + ", seq " + std::to_string(event.seq());
  job.rest = event.payload();
  job.rest += '\n';
  Variables variables = variables_;
  variables.emplace_back("BUSD_EVENT_TYPE", event.type());
  variables.emplace_back("BUSD_EVENT_ID", event.id());
  variables.emplace_back("BUSD_SEQ", std::to_string(event.seq()));
  variables.emplace_back("BUSD_SOURCE_TIME", event.source_time());
  variables.emplace_back("BUSD_RECEIVED", std::to_string(received_ms));

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    report(job.event, std::string("could not be started: ") + std::strerror(errno));
    return verdict();
  }
  std::string fault =
      start_command(options_.command, variables, {.input = ends[0], .output = STDOUT_FILENO}, job.pid);
  close(ends[0]);
  job.input = ends[1];
  if (!fault.empty()) {
    close_once(job.input);
    report(job.event, fault);
    return verdict();
  }
  watch_job(job.pid);
  job.pid_fd = open_pid(job.pid);
  fcntl(job.input, F_SETFL, O_NONBLOCK);
  feed(job);
  jobs_.push_back(std::move(job));
  return {};
}

void ExecSink::add_waits(std::vector<pollfd>& waits) const {
  for (const Job& job : jobs_) {
    waits.push_back({.fd = job.pid_fd, .events = POLLIN, .revents = 0});
    waits.push_back({.fd = job.input, .events = POLLOUT, .revents = 0});
  }
}

std::optional<EventSink::Clock::time_point> ExecSink::deadline() const {
  for (const Job& job : jobs_) {
    if (job.pid_fd < 0) return Clock::now() + kLookEvery;
  }
  return std::nullopt;
}

Outcome ExecSink::process() {
  for (Job& job : jobs_) feed(job);
  std::erase_if(jobs_, [this](Job& job) { return ended(job); });
  return verdict();
}

Outcome ExecSink::finish() {
  if (caught_signal() != 0 && !jobs_.empty() && isatty(STDERR_FILENO) == 1)
    console_.note("waiting for " + counted(jobs_.size(), "command") + " of --exec; a second signal ends it");
  while (!jobs_.empty()) {
    std::vector<pollfd> waits;
    add_waits(waits);
    int most = deadline() ? static_cast<int>(kLookEvery.count()) : -1;
    if (poll(waits.data(), waits.size(), most) < 0 && errno != EINTR)
      return {Written::failed, std::string("poll: ") + std::strerror(errno), ErrorCode::failed};
    static_cast<void>(process());
  }
  if (failed_ > kMostReports)
    console_.error(ErrorCode::command_failed, "--exec failed for " + std::to_string(failed_) + " events");
  return verdict();
}

void ExecSink::feed(Job& job) {
  while (job.input >= 0 && job.written < job.rest.size()) {
    ssize_t n = write(job.input, job.rest.data() + job.written, job.rest.size() - job.written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;  // EPIPE: the command does not want the rest
    job.written += static_cast<size_t>(n);
  }
  close_once(job.input);
}

bool ExecSink::ended(Job& job) {
  siginfo_t info{};
  int fault = waitid(P_PID, static_cast<id_t>(job.pid), &info, WEXITED | WNOHANG | WNOWAIT);
  if (fault == 0 && info.si_pid == 0) return false;
  if (fault != 0 && errno == EINTR) return false;
  // Until it is reaped its number is its own: a signal to the group cannot meet another one.
  forget_job(job.pid);
  int status = 0;
  std::string text = waitpid(job.pid, &status, 0) == job.pid
                         ? command_fault(status)
                         : std::string("could not be waited for: ") + std::strerror(errno);
  if (!text.empty()) report(job.event, text);
  close_once(job.input);
  close_once(job.pid_fd);
  return true;
}

void ExecSink::report(const std::string& event, const std::string& fault) {
  ++failed_;
  if (failed_ > kMostReports) return;
  console_.error(ErrorCode::command_failed,
                 "--exec " + fault + " for event " + event + ": " + options_.command);
  if (failed_ == kMostReports) console_.warning("further failures of --exec are only counted");
}

Outcome ExecSink::verdict() const {
  if (!options_.fail_fast || failed_ == 0) return {};
  return {Written::failed, "--fail-fast: ended because a command failed", ErrorCode::command_failed};
}

}  // namespace bus::cli
