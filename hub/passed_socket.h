// A listening socket that was opened for the hub by whoever started it, such as systemd for a socket unit
// (sd_listen_fds(3)).
//
// It belongs to its opener, who keeps it open: the hub never unlinks it, and when it closes its own
// descriptor nobody is refused. Whoever connects then waits for the next hub.
#pragma once

#include <string>
#include <sys/types.h>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// The first descriptor that can be passed (SD_LISTEN_FDS_START).
inline constexpr int kFirstPassedFd = 3;

// Whether a socket was passed to this process, `self`: LISTEN_PID names it, and LISTEN_FDS is 1.
//
// False also when LISTEN_PID names another process: the variables were inherited, and the descriptors are
// not ours. Error invalid: LISTEN_PID is no pid, or LISTEN_FDS is missing or not 1, because busd serves one
// socket.
Result<bool> socket_is_passed(const Environment& environment, pid_t self);

// Takes over `fd`, after a look at it: close-on-exec and non-blocking from then on.
//
// It is told to listen anew, with a backlog of `backlog`, so that whoever asks the kernel who listens there
// (SO_PEERCRED: what bus-status and bus-stop --force go by) hears of the hub and not of the socket's opener.
//
// Error invalid: it is not open, no socket, not of AF_UNIX and SOCK_STREAM, does not listen, or has another
// path than `path`.
Result<Fd> adopt_passed_socket(int fd, const std::string& path, int backlog);

// What the directory of a passed socket must be. Others may enter it, because the socket's opener decides who
// can reach the socket, but they must not be able to put anything in it, such as another lock.
//
// Errors: unavailable  there is none
//         denied       it is a symlink or no directory, belongs to somebody other than us and root, or others
//                      may write to it
Result<void> check_passed_dir(const std::string& path);

}  // namespace bus::hub
