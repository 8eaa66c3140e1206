// Starts a program in a cgroup: clone3(2) with CLONE_INTO_CGROUP, which posix_spawn(3) does not know before glibc 2.39.
//
// A process that moves itself by writing to cgroup.procs waits for the kernel's grace period, 10 ms and more; one that
// begins there does not. It is a fork, so it is for a parent of some megabytes; therefore the child takes the last steps
// itself, which costs less than to execute the trampoline for them.
#pragma once

#include <optional>
#include <sys/types.h>

namespace bus::sources {

struct CgroupFork {
  int cgroup = -1;  // a descriptor of its directory
  // What the child gets at 0, 1, 2 and kReportFd. All of them are above these numbers. -1 for `in`: /dev/null.
  int in = -1;
  int out = -1;
  int err = -1;
  int report = -1;
  char** arguments = nullptr;  // as TrampolineArgument says
  char** environment = nullptr;
};

// The child leads a session of its own, with every signal at its default and none blocked.
//
// Nothing: the kernel cannot (before Linux 5.7), may not, or has no room; nothing was started.
std::optional<pid_t> fork_into_cgroup(const CgroupFork& what);

}  // namespace bus::sources
