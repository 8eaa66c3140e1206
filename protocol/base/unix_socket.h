// Unix stream sockets by path: listen, connect, and who the peer is.
#pragma once

#include <string>
#include <sys/types.h>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus {

// Longest path that fits sun_path with its NUL (unix(7)).
inline constexpr size_t kMaxSocketPathBytes = 107;

// What the kernel says of the process at the other end (SO_PEERCRED). The uid is the truth; the pid is a
// label, because the process may be gone and its number in use again.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Error too_long: names the path, its length and the limit.
Result<void> check_socket_path(const std::string& path);

// Binds under umask 0177 and listens; non-blocking, close-on-exec. Leaves nothing at `path` when it fails.
// Error busy: something exists there.
Result<Fd> listen_unix(const std::string& path, int backlog);

// Connects without blocking for longer than `patience`; the descriptor returned is non-blocking and
// close-on-exec.
//
// Errors: unavailable  no socket there, or nobody listens on it (a stale socket)
//         denied       no permission to connect
//         timed_out    the listener's backlog stayed full
Result<Fd> connect_unix(const std::string& path, Duration patience);

Result<PeerCredentials> peer_credentials(int fd);

}  // namespace bus
