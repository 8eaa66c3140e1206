#include "consumer/sources/last_steps.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/sources/start_report.h"
#include "protocol/base/descriptors.h"

namespace bus::sources {

namespace {

constexpr int kExitNotExecuted = 127;

// What programs expect that watch descriptors with select(2), and what they have under systemd; they may raise it.
constexpr rlim_t kOpenFiles = 1024;

// Where a program is looked for when its environment does not say.
constexpr const char* kStandardPath = "/usr/local/bin:/usr/bin:/bin";

void report(StartStep step, int error) {
  StartReport told{step, error};
  // bus-sources may be gone; then its death is what ends this process.
  [[maybe_unused]] ssize_t written = ::write(kReportFd, &told, sizeof told);
}

[[noreturn]] void fail(StartStep step, int error) {
  report(step, error);
  ::_exit(kExitNotExecuted);
}

// It may have died before it was watched.
void end_with_parent(const char* parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != std::strtol(parent, nullptr, 10)) ::_exit(kExitNotExecuted);
}

// glibc's posix_spawn(3) leaves the two signals that it uses itself ignored, and its sigaction(2) does not touch them.
void reset_internal_signals() {
  // The kernel's struct, all zero: SIG_DFL. It is larger on no machine.
  unsigned long standard[8] = {};
  constexpr size_t kMaskBytes = 8;
  for (int signal = 32; signal <= 33; ++signal)
    ::syscall(SYS_rt_sigaction, signal, standard, nullptr, kMaskBytes);
}

void enter_cgroup(const char* file) {
  if (*file == '\0') return;
  int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  bool entered = fd >= 0 && ::write(fd, "0", 1) == 1;
  if (!entered) report(StartStep::cgroup, errno);
  if (fd >= 0) ::close(fd);
}

void set_nice(const char* value) {
  if (*value == '\0') return;
  if (::setpriority(PRIO_PROCESS, 0, static_cast<int>(std::strtol(value, nullptr, 10))) != 0)
    report(StartStep::nice, errno);
}

// Descriptors as few as usual, whatever bus-sources has; and the mark, where nothing stricter is in force.
void set_limits(const char* mark) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max < kOpenFiles ? files.rlim_max : kOpenFiles;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  rlimit marked{};
  if (*mark == '\0' || ::getrlimit(RLIMIT_RTTIME, &marked) != 0) return;
  rlim_t value = std::strtoull(mark, nullptr, 10);
  if (marked.rlim_max < value) return;
  marked.rlim_cur = marked.rlim_max = value;
  ::setrlimit(RLIMIT_RTTIME, &marked);
}

const char* path_in(char** environment) {
  constexpr const char* kName = "PATH=";
  size_t length = std::strlen(kName);
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, kName, length) == 0 && (*environment)[length] != '\0')
      return *environment + length;
  }
  return kStandardPath;
}

// Not execvp(3), which gives what has no #! line to a shell. `at` is the beginning of the part of $PATH.
bool execute_in(const char* at, size_t length, char** program, char** environment) {
  char path[PATH_MAX];
  size_t name_length = std::strlen(program[0]);
  if (length == 0 || length + 1 + name_length >= sizeof path) {
    errno = ENOENT;
    return false;
  }
  std::memcpy(path, at, length);
  path[length] = '/';
  std::memcpy(path + length + 1, program[0], name_length + 1);
  ::execve(path, program, environment);
  return errno != ENOENT && errno != ENOTDIR && errno != EACCES;
}

// Returns only if it cannot be executed; why not is in errno.
void execute(char** program, char** environment) {
  if (std::strchr(program[0], '/') != nullptr) {
    ::execve(program[0], program, environment);
    return;
  }
  const char* at = path_in(environment);
  bool denied = false;
  for (;;) {
    size_t length = std::strcspn(at, ":");
    if (execute_in(at, length, program, environment)) return;
    denied = denied || errno == EACCES;
    if (at[length] == '\0') break;
    at += length + 1;
  }
  errno = denied ? EACCES : ENOENT;
}

}  // namespace

void take_last_steps(char** arguments, char** environment) {
  ::fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
  end_with_parent(arguments[kParentPid]);
  close_descriptors(kReportFd + 1, ~0U);
  reset_internal_signals();
  ::umask(077);
  enter_cgroup(arguments[kCgroupFile]);
  set_limits(arguments[kMark]);
  set_nice(arguments[kNice]);
  const char* directory = *arguments[kDirectory] == '\0' ? "/" : arguments[kDirectory];
  if (::chdir(directory) != 0) fail(StartStep::directory, errno);
  report(StartStep::ready, 0);
  execute(arguments + kProgram, environment);
  fail(StartStep::program, errno);
}

}  // namespace bus::sources
