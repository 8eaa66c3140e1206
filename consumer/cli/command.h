// Runs a command of the user's (--first, --last) and waits for it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bus::cli {

using Variables = std::vector<std::pair<std::string, std::string>>;

// Runs `command` by /bin/sh -c with `variables` added to the environment, stdin empty, stdout joined to
// stderr (our stdout carries data only), default actions for the signals that were not ignored when we
// started, and a process group of its own, so that Ctrl-C reaches us and not a clean-up that runs. Signals
// meanwhile: see Phase.
//
// Returns an empty string when it succeeded, else what happened: "ended with status 3".
std::string run_command(const std::string& command, const Variables& variables);

}  // namespace bus::cli
