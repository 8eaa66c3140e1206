// source-trampoline: becomes the first process of a run of a source, as the last step the program itself.
//
// bus-sources starts it with posix_spawn(3), which has made the session, set the signals to their defaults and put
// descriptors 0 to 2 and kReportFd in place. What is left takes a process of its own, since only that can ask for its
// parent's death to be told, and enter a cgroup before it has children. A program without the C++ library, because every
// start pays for its loading.
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

namespace {

using bus::sources::kReportFd;
using bus::sources::StartReport;
using bus::sources::StartStep;

// sysexits(3), EX_USAGE
constexpr int kExitUsage = 64;
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

// Not execvp(3), which gives what has no #! line to a shell. `at` is the beginning of the part of $PATH.
bool execute_in(const char* at, size_t length, char** program) {
  char path[PATH_MAX];
  size_t name_length = std::strlen(program[0]);
  if (length == 0 || length + 1 + name_length >= sizeof path) {
    errno = ENOENT;
    return false;
  }
  std::memcpy(path, at, length);
  path[length] = '/';
  std::memcpy(path + length + 1, program[0], name_length + 1);
  ::execve(path, program, environ);
  return errno != ENOENT && errno != ENOTDIR && errno != EACCES;
}

// Returns only if it cannot be executed; why not is in errno.
void execute(char** program) {
  if (std::strchr(program[0], '/') != nullptr) {
    ::execve(program[0], program, environ);
    return;
  }
  const char* at = std::getenv("PATH");
  if (at == nullptr || *at == '\0') at = kStandardPath;
  bool denied = false;
  for (;;) {
    size_t length = std::strcspn(at, ":");
    if (execute_in(at, length, program)) return;
    denied = denied || errno == EACCES;
    if (at[length] == '\0') break;
    at += length + 1;
  }
  errno = denied ? EACCES : ENOENT;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace bus::sources;
  if (argc <= kProgram || ::fcntl(kReportFd, F_SETFD, FD_CLOEXEC) != 0) {
    constexpr char kAdvice[] = "source-trampoline: this is a part of bus-sources, which starts it\n";
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, kAdvice, sizeof kAdvice - 1);
    return kExitUsage;
  }
  end_with_parent(argv[kParentPid]);
  bus::close_descriptors(kReportFd + 1, ~0U);
  reset_internal_signals();
  ::umask(077);
  enter_cgroup(argv[kCgroupFile]);
  set_limits(argv[kMark]);
  set_nice(argv[kNice]);
  const char* directory = *argv[kDirectory] == '\0' ? "/" : argv[kDirectory];
  if (::chdir(directory) != 0) fail(StartStep::directory, errno);
  report(StartStep::ready, 0);
  execute(argv + kProgram);
  fail(StartStep::program, errno);
}
