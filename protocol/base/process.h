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

// The variables that a daemon keeps, beside those that begin with LC_. It serves clients for longer than its
// starter lives: it must hold no tokens of the starter's, and run no code that only the starter chose
// (LD_PRELOAD).
inline constexpr std::array<const char*, 12> kKeptVariables = {"PATH",           "HOME",
                                                               "USER",           "LOGNAME",
                                                               "LANG",           "TZ",
                                                               "TMPDIR",         "XDG_RUNTIME_DIR",
                                                               "XDG_STATE_HOME", "XDG_CONFIG_HOME",
                                                               "BUSD_SOCKET",    "BUSD_BUS"};

// Runs `program` (looked up in PATH when it has no slash) with `arguments` as a daemon that depends on its
// starter as little as possible:
//   - a session of its own; not our child (it is reaped by init); "/" as cwd; umask 077
//   - stdin from /dev/null, stdout and stderr to `log_path` (appended, 0600), no other descriptor but
//     kReadyFd
//   - every signal at its default action, none blocked
//   - of the environment kKeptVariables and LC_*; builds with sanitizers also keep what those need
//   - soft limits of resources raised to the hard ones (not of core files; the stack to 8 MiB); nice value
//     and OOM score adjustment 0, as far as the kernel permits
// Waits at most `patience` for its readiness line.
//
// Errors: unavailable  it could not be executed, ended before a line (`what` says how; so does the log), or
//                      its line is a reason (`what` holds it)
//         timed_out    no line within `patience`; the process has been ended with SIGKILL
Result<void> start_daemon(const std::string& program, const std::vector<std::string>& arguments,
                          const std::string& log_path, Duration patience);

}  // namespace bus
