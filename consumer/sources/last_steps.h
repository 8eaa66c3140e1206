// The last steps of a process that becomes the first one of a run, up to the program itself: what only that process can do,
// such as to ask that its parent's death be told to it, or to enter a cgroup before it has children.
//
// Taken by source-trampoline, and by the child of a fork (cgroup_fork.h): async-signal-safe, and without the C++ library.
#pragma once

namespace bus::sources {

// The session is made, every signal is at its default, and descriptors 0 to 2 and kReportFd are in place. `arguments` are as
// TrampolineArgument says. What becomes of it is told at kReportFd (start_report.h).
[[noreturn]] void take_last_steps(char** arguments, char** environment);

}  // namespace bus::sources
