#include "consumer/sources/cgroup_fork.h"

#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/sources/last_steps.h"
#include "consumer/sources/start_report.h"

namespace bus::sources {

namespace {

// Between fork and exec: calls of the kernel, and nothing that allocates.
[[noreturn]] void become(const CgroupFork& what) {
  ::setsid();
  // What is handled is set to its default by exec(2) itself; what is ignored would stay so.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int in = what.in >= 0 ? what.in : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(in, STDIN_FILENO);
  ::dup2(what.out, STDOUT_FILENO);
  ::dup2(what.err, STDERR_FILENO);
  ::dup2(what.report, kReportFd);
  take_last_steps(what.arguments, what.environment);
}

}  // namespace

std::optional<pid_t> fork_into_cgroup(const CgroupFork& what) {
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<unsigned>(what.cgroup);
  // No handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) become(what);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace bus::sources
