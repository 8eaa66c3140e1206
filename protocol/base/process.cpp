#include "protocol/base/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/descriptors.h"
#include "protocol/base/file.h"
#include "protocol/base/signals.h"
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

void set_number(const char* path, std::string_view number) {
  int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  // The kernel may refuse: then the inherited number stays.
  [[maybe_unused]] ssize_t written = ::write(fd, number.data(), number.size());
  ::close(fd);
}

// An enumeration of its own in glibc.
using Resource = decltype(RLIMIT_AS);

void raise_limit(Resource resource, rlim_t most) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return;
  rlim_t wanted = std::min(limit.rlim_max, most);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(resource, &limit);
}

// A limit, a priority or a mask that suits a daemon's first client would bind all that come later.
void leave_inherited_state() {
  reset_signals(JobSignals::reset);
  ::umask(077);
  ::setpriority(PRIO_PROCESS, 0, 0);
  set_number("/proc/self/oom_score_adj", "0");
  for (Resource resource : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_NOFILE})
    raise_limit(resource, RLIM_INFINITY);
  // Unlimited, it would change how memory is laid out (mmap(2), "legacy").
  raise_limit(RLIMIT_STACK, 8UL * 1024 * 1024);
}

// Runs between fork and exec, perhaps in a program with threads: async-signal-safe calls only
// (signal-safety(7)).
[[noreturn]] void become_daemon(const Launch& launch) {
  leave_inherited_state();
  bool ok = ::dup2(launch.null_fd, 0) == 0 && ::dup2(launch.log_fd, 1) == 1 &&
            ::dup2(launch.log_fd, 2) == 2 && ::dup2(launch.ready_fd, kReadyFd) == kReadyFd &&
            ::chdir("/") == 0;
  close_descriptors(kReadyFd + 1, ~0U);
  if (ok) ::execvpe(launch.program, launch.argv, launch.envp);
  const char* reason = ::strerrordesc_np(errno);
  if (reason == nullptr) reason = "unknown error";
  for (const char* part : {"cannot run ", launch.program, ": ", reason, "\n"}) {
    if (::write(kReadyFd, part, std::strlen(part)) < 0) break;
  }
  ::_exit(127);
}

bool is_kept(std::string_view name) {
  if (name.starts_with("LC_")) return true;
#ifdef BUSD_SANITIZED
  // What the runtimes of sanitizers (ASAN_OPTIONS and the like) and of coverage go by: a test's choice, not a
  // user's.
  if (name.find("SAN_") <= 2 || name.starts_with("LLVM_")) return true;
#endif
  return std::find(kKeptVariables.begin(), kKeptVariables.end(), name) != kKeptVariables.end();
}

std::vector<char*> environment_of_daemon() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (is_kept(std::string_view(*entry, std::strcspn(*entry, "=")))) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

// The daemon, and the process between us and it: its parent, which tells how it ended before it was ready.
struct Started {
  pid_t daemon = -1;
  pid_t middle = -1;
  Fd ending;  // holds the status of waitpid(2) once the daemon has ended
};

// Forks twice, so that the daemon is reaped by init and not by a library's unsuspecting caller.
[[noreturn]] void start_and_watch(const Launch& launch, int tell_fd, pid_t caller) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != caller) ::_exit(1);
  ::setsid();
  pid_t daemon = ::fork();
  if (daemon == 0) become_daemon(launch);
  // Our copies of a caller's descriptors could keep its peers waiting for an end of file.
  if (tell_fd > 0) close_descriptors(0, static_cast<unsigned>(tell_fd) - 1);
  close_descriptors(static_cast<unsigned>(tell_fd) + 1, ~0U);
  // The caller may ignore SIGCHLD, and then there would be nothing to wait for.
  reset_signals(JobSignals::reset);
  int status = 0;
  bool told = ::write(tell_fd, &daemon, sizeof daemon) == sizeof daemon;
  while (told && daemon > 0 && ::waitpid(daemon, &status, 0) < 0) {
    if (errno != EINTR) ::_exit(1);
  }
  ::_exit(told && ::write(tell_fd, &status, sizeof status) == sizeof status ? 0 : 1);
}

ssize_t read_whole(int fd, void* to, size_t bytes) {
  ssize_t got = 0;
  do {
    got = ::read(fd, to, bytes);
  } while (got < 0 && errno == EINTR);
  return got;
}

// Ends the process in the middle; the daemon then is init's.
void dismiss(const Started& started) {
  ::kill(started.middle, SIGKILL);
  while (::waitpid(started.middle, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Started> fork_daemon(const Launch& launch) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe", errno);
  Started started;
  started.ending = Fd(ends[0]);
  Fd tell(ends[1]);
  pid_t caller = ::getpid();
  started.middle = ::fork();
  if (started.middle < 0) return errno_error("fork", errno);
  if (started.middle == 0) start_and_watch(launch, tell.get(), caller);
  tell.reset();
  ssize_t got = read_whole(started.ending.get(), &started.daemon, sizeof started.daemon);
  if (got == sizeof started.daemon && started.daemon > 0) return started;
  dismiss(started);
  return Error{Errc::unavailable, "fork failed in the background"};
}

bool has_ended(const Started& started, Duration patience) {
  pollfd waiting{started.ending.get(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(to_ms(patience))) == 1;
}

// How a daemon ended that closed its readiness descriptor without a line; "" when it has not ended.
std::string ending_of(const Started& started, TimePoint deadline) {
  // It may only have closed the descriptor.
  Duration left = std::clamp<Duration>(deadline - now(), Duration::zero(), seconds(1));
  int status = 0;
  if (!has_ended(started, left)) return "";
  if (read_whole(started.ending.get(), &status, sizeof status) != sizeof status) return "";
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
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

// The most likely mistake, where the user has named the program.
std::string question_of(const std::string& program) {
  const char* named = std::getenv("BUSD_PROGRAM");
  return named != nullptr && program == named ? " (is $BUSD_PROGRAM a busd?)" : "";
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
  BUSD_ASSIGN(Started started, fork_daemon(launch));
  ready_write.reset();

  auto line = read_ready_line(ready_read.get(), deadline);
  std::string how = line && line->empty() ? ending_of(started, deadline) : "";
  // Its pid is its own still, as long as the process in the middle has not reaped it.
  if (!line && line.error().code == Errc::timed_out && !has_ended(started, milliseconds(0)))
    ::kill(started.daemon, SIGKILL);
  dismiss(started);
  if (!line) return Error{line.error().code, program + ": " + line.error().what};
  if (*line == kReadyLine) return {};
  if (!line->empty()) return Error{Errc::unavailable, *line};
  std::string what = program + " " + (how.empty() ? "said nothing" : how) + " before it was ready";
  // The log is where somebody looks for it later; without room for the line the caller still learns it.
  static_cast<void>(write_all(log.get(), what + "\n"));
  return Error{Errc::unavailable, what + question_of(program) + "; see " + printable(log_path)};
}

}  // namespace bus
