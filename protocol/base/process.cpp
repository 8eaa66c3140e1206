#include "protocol/base/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus {

namespace {

constexpr size_t kMaxReadyLineBytes = 4096;

struct Launch {
  const char* program;
  char** argv;
  char** envp;
  int log_fd;
  int null_fd;
  int ready_fd;
};

// Runs between fork and exec, perhaps in a program with threads: async-signal-safe calls only
// (signal-safety(7)).
[[noreturn]] void become_daemon(const Launch& launch) {
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  bool ok = ::dup2(launch.null_fd, 0) == 0 && ::dup2(launch.log_fd, 1) == 1 &&
            ::dup2(launch.log_fd, 2) == 2 && ::dup2(launch.ready_fd, kReadyFd) == kReadyFd &&
            ::chdir("/") == 0;
  ::close_range(kReadyFd + 1, ~0U, 0);
  if (ok) ::execvpe(launch.program, launch.argv, launch.envp);
  const char* reason = ::strerrordesc_np(errno);
  if (reason == nullptr) reason = "unknown error";
  for (const char* part : {"cannot run ", launch.program, ": ", reason, "\n"}) {
    if (::write(kReadyFd, part, std::strlen(part)) < 0) break;
  }
  ::_exit(127);
}

std::vector<char*> environment_of_daemon() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view name(*entry, std::strcspn(*entry, "="));
    if (std::find(kServiceVariables.begin(), kServiceVariables.end(), name) == kServiceVariables.end())
      kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

// Forks twice, so that the daemon is reaped by init and not by a library's unsuspecting caller. Returns its
// pid.
Result<pid_t> fork_daemon(const Launch& launch) {
  int pid_pipe[2];
  if (::pipe2(pid_pipe, O_CLOEXEC) != 0) return errno_error("pipe", errno);
  Fd pid_read(pid_pipe[0]);
  Fd pid_write(pid_pipe[1]);
  pid_t middle = ::fork();
  if (middle < 0) return errno_error("fork", errno);
  if (middle == 0) {
    ::setsid();
    pid_t daemon = ::fork();
    if (daemon == 0) become_daemon(launch);
    ssize_t written = ::write(pid_write.get(), &daemon, sizeof daemon);
    ::_exit(written == sizeof daemon ? 0 : 1);
  }
  pid_write.reset();
  pid_t daemon = -1;
  ssize_t got = 0;
  do {
    got = ::read(pid_read.get(), &daemon, sizeof daemon);
  } while (got < 0 && errno == EINTR);
  while (::waitpid(middle, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (got != sizeof daemon || daemon <= 0) return Error{Errc::unavailable, "fork failed in the background"};
  return daemon;
}

// One line from `fd`, without its end; what there is at EOF.
Result<std::string> read_ready_line(int fd, TimePoint deadline) {
  std::string line;
  for (;;) {
    auto left = to_ms(deadline - now());
    if (left <= 0) return Error{Errc::timed_out, "no readiness line in time"};
    pollfd waiting{fd, POLLIN, 0};
    int ready = ::poll(&waiting, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return errno_error("poll", errno);
    if (ready <= 0) continue;
    char chunk[512];
    ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read", errno);
    line.append(chunk, static_cast<size_t>(n));
    size_t end = line.find('\n');
    if (end != std::string::npos) return line.substr(0, end);
    if (n == 0 || line.size() > kMaxReadyLineBytes) return line;
  }
}

}  // namespace

Result<void> start_daemon(const std::string& program, const std::vector<std::string>& arguments,
                          const std::string& log_path, Duration patience) {
  TimePoint deadline = now() + patience;
  BUSD_ASSIGN(Fd log, open_append(log_path));
  Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return errno_error("open /dev/null", errno);
  int ready_pipe[2];
  if (::pipe2(ready_pipe, O_CLOEXEC) != 0) return errno_error("pipe", errno);
  Fd ready_read(ready_pipe[0]);
  Fd ready_write(ready_pipe[1]);
  // The child moves its descriptors to 0..3; from above that range none can be overwritten before it is
  // moved.
  for (Fd* fd : {&log, &null, &ready_write}) {
    int moved = ::fcntl(fd->get(), F_DUPFD_CLOEXEC, kReadyFd + 1);
    if (moved < 0) return errno_error("fcntl", errno);
    fd->reset(moved);
  }

  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.emplace_back("--ready-fd");
  words.emplace_back(std::to_string(kReadyFd));
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  std::vector<char*> envp = environment_of_daemon();
  Launch launch{program.c_str(), argv.data(), envp.data(), log.get(), null.get(), ready_write.get()};
  BUSD_ASSIGN(pid_t daemon, fork_daemon(launch));
  ready_write.reset();

  auto line = read_ready_line(ready_read.get(), deadline);
  if (!line) {
    // Ours by its pid: it is not reaped by us, but it has not ended either while its end of the pipe is open.
    if (line.error().code == Errc::timed_out) ::kill(daemon, SIGKILL);
    return Error{line.error().code, program + ": " + line.error().what};
  }
  if (*line == kReadyLine) return {};
  if (line->empty())
    return Error{Errc::unavailable, program + " ended without a reason; see " + quoted(log_path)};
  return Error{Errc::unavailable, *line};
}

}  // namespace bus
