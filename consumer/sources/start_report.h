// What a new process tells bus-sources while it becomes a program: reports of one size, through a pipe that exec(2) closes.
//
// Shared by both ends, and in words of both: knows neither strings nor descriptors.
#pragma once

#include <cstdint>

namespace bus::sources {

enum class StartStep : int32_t {
  // Could not be done, and the program is started without it.
  cgroup = 1,
  nice = 2,
  // Everything is prepared, and exec(2) comes next. What reads an end without it knows that no program was executed.
  ready = 3,
  // Could not be done, and the process ends.
  directory = 4,
  program = 5,
};

struct StartReport {
  StartStep step;
  int32_t error;  // an errno
};

// Where it finds the pipe.
inline constexpr int kReportFd = 3;

// The arguments of the trampoline, each a word of its own: "" for what is not wanted. Those of the program follow, itself first.
enum TrampolineArgument {
  kParentPid = 1,  // of bus-sources
  kMark,           // the limit that marks all processes of the run (process_facts.h)
  kCgroupFile,     // cgroup.procs of the run's own
  kNice,
  kDirectory,
  kProgram,
};

}  // namespace bus::sources
