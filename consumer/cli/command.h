// Runs commands of the user by /bin/sh -c: the hooks of bus-consume (--first, --last), which are waited for,
// and the commands of --exec, which run beside it (exec_sink.h).
#pragma once

#include <string>
#include <sys/types.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bus::cli {

using Variables = std::vector<std::pair<std::string, std::string>>;

// Our environment with these in place of, or beside, its own, each as "NAME=value".
std::vector<std::string> environment_with(const Variables& variables);

// The standard streams of a command. Its stderr is always ours.
struct CommandStreams {
  int input = -1;              // -1: empty
  int output = STDERR_FILENO;  // the hooks' default: our stdout carries data only
};

// Starts `command` with `variables` added to the environment, default actions for the signals that were not
// ignored when we started, and a process group of its own, so that Ctrl-C reaches us and not the command.
//
// Returns an empty string and sets `pid`, or says what went wrong: "could not be started: …".
[[nodiscard]] std::string start_command(const std::string& command, const Variables& variables,
                                        const CommandStreams& streams, pid_t& pid);

// What waitpid's `status` says, as in "ended with status 3"; empty: success.
[[nodiscard]] std::string command_fault(int status);

// Runs `command` with an empty stdin and its stdout joined to stderr, and waits for it. Signals meanwhile:
// see Phase.
//
// Returns an empty string when it succeeded, else what happened: "ended with status 3".
[[nodiscard]] std::string run_command(const std::string& command, const Variables& variables);

}  // namespace bus::cli
