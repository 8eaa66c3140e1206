// Starting a daemon in the background, once and with an answer: ready, or the reason why not.
//
// The readiness protocol: the child gets the write end of a pipe as descriptor `kReadyFd`, told by
// `--ready-fd 3`; it writes one line, "ready" or the reason, and closes it. Used by the SDK's on-demand start
// and by `busd --detach`.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace bus {

inline constexpr int kReadyFd = 3;
inline constexpr const char* kReadyLine = "ready";

// What a service manager tells one process alone (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)).
inline constexpr std::array<const char*, 6> kServiceVariables = {
    "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

// Runs `program` (looked up in PATH when it has no slash) with `arguments` as a daemon: own session, not our
// child (it is reaped by init), "/" as cwd, stdin from /dev/null, stdout and stderr to `log_path` (appended,
// 0600), signal mask and SIGPIPE at their defaults, no inherited descriptor but kReadyFd, our environment
// without kServiceVariables: a daemon that a service starts is not that service. Waits at most `patience` for
// its readiness line.
//
// Errors: unavailable  it could not be executed, ended without a line, or its line is a reason (`what` holds
// it)
//         timed_out    no line within `patience`; the process has been ended with SIGKILL
Result<void> start_daemon(const std::string& program, const std::vector<std::string>& arguments,
                          const std::string& log_path, Duration patience);

}  // namespace bus
