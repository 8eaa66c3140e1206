// How the first process of a run comes to be, with the pipes that its program gets.
//
// It begins in its cgroup where the kernel can do that (cgroup_fork.h). Else posix_spawn(3) starts the trampoline, which enters the
// cgroup itself. What becomes of the program comes through `report`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include "consumer/sources/process.h"
#include "consumer/sources/start_report.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::sources {

struct SpawnPlan {
  std::string trampoline;
  uint64_t mark = 0;
  std::string cgroup;  // the directory of its cgroup; empty: none
};

struct Spawned {
  pid_t pid = -1;
  Pipes pipes;
  Fd report;  // non-blocking: StartReports, then the end
};

// Takes the channel of `launch` with it. The process leads a session and a group of its own, with every signal at its
// default and none blocked.
//
// Errors: unavailable, io: descriptors, processes or memory are lacking, or the trampoline cannot be executed
Result<Spawned> spawn(const SpawnPlan& plan, Launch& launch);

// Why it could not be started, or what it was started without, for people: "/d/x.sh: Permission denied".
std::string explain(const StartReport& report, const Launch& launch);

// The one beside our own program, as in a build directory; else the one that is installed. Empty: neither is there.
std::string find_trampoline();

}  // namespace bus::sources
