// What a process inherits of signals, and how it comes to a state of its own.
//
// exec(2) keeps ignored signals and the mask of blocked ones, so that a program may start with whatever its
// first client had: with SIGCHLD ignored, for example, waitpid(2) finds no child.
#pragma once

#include <array>
#include <csignal>

namespace bus {

// The signals by which a terminal and its shell control jobs. Whoever starts a program with one of them
// ignored means the program: a script's background jobs (SIGINT, SIGQUIT), nohup(1) (SIGHUP).
inline constexpr std::array<int, 6> kJobSignals = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU};

enum class JobSignals { keep_ignored, reset };

// Gives every ignored signal its default action again, and unblocks all signals. Handlers stay.
// Async-signal-safe.
void reset_signals(JobSignals job_signals) noexcept;

bool is_ignored(int signal) noexcept;

}  // namespace bus
