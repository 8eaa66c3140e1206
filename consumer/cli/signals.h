// What SIGINT, SIGTERM and SIGHUP do to a program, and the state of descriptors that it starts with.
//
// The first signal asks the program to end, in the way of its phase; a second one ends it at once, clean-up
// or not. The state is the process's own (handlers get no argument), which is why there is static state here,
// and in screen.cpp.
#pragma once

#include <sys/types.h>

namespace bus::cli {

enum class Phase {
  nothing_to_undo,  // a signal ends the process at once
  setting_up,  // a command runs for us: it gets the signal too, and the process goes on to undo what it did
  running,     // the wake function is called, so that a wait ends
  leaving,     // it is noted; clean-up goes on
};

// Ignores SIGPIPE and SIGXFSZ (writes answer EPIPE and EFBIG instead), gives descriptors 0 to 2 something harmless where the caller
// closed them, and installs the handlers. Nothing else is left as the parent had it, but that SIGINT,
// SIGQUIT, SIGHUP and the stop signals of a terminal stay ignored where they are (nohup, background jobs of
// scripts).
void take_signals();

// Whether the caller had closed stdin, so that take_signals() gave it something to read that is empty.
bool stdin_was_closed();

// The signal that asked us to end; 0: none yet.
int caught_signal();

// Readable from the first signal on.
int signal_fd();

// Changes the phase and returns the one before.
Phase enter_phase(Phase phase);

// Async-signal-safe; called with `handle` at the first signal while running. nullptr: nothing.
using WakeFunction = void (*)(void* handle);
void wake_on_signal(WakeFunction wake, void* handle);

// Async-signal-safe; called when a second signal ends the program at once. nullptr: nothing.
void before_exit_by_signal(void (*restore)());

// The process group of the command that runs for us; 0: none. It gets SIGTERM when a second signal ends the
// program.
void watch_command(pid_t group);

// The process groups of further commands, which run beside the program (bus-consume --exec). The first signal
// is none of theirs, whatever the phase; they get SIGTERM, too, when a second one ends the program. A group
// is forgotten before its process is reaped, while nobody else can have its number.
inline constexpr int kMostJobs = 64;
void watch_job(pid_t group);
void forget_job(pid_t group);

}  // namespace bus::cli
