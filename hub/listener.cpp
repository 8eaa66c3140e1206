#include "hub/listener.h"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

#include "protocol/base/unix_socket.h"

namespace bus::hub {

namespace {

constexpr size_t kBurst = 64;
// What a connection's socket may hold for its reader (the kernel doubles it for its own overhead, and clamps
// it to net.core.wmem_max). A turn's bytes have to fit: what does not costs a copy into the queue and a turn
// of its own. Measured with 1 KiB events to 8 consumers, the default of 208 KiB costs a third more; more than
// this gains nothing.
constexpr int kSendBufferBytes = 512 * 1024;
constexpr Duration kRetryAfter = milliseconds(100);

// What is wrong with one connection that waited, and not with us (accept(2)).
bool is_of_the_connection(int error) { return error == EINTR || error == ECONNABORTED || error == EPROTO; }

// The supplementary groups of the peer as they were when it connected (SO_PEERGROUPS, since Linux 4.13). None
// when the kernel does not say: then --allow-gid goes by the main group alone.
std::vector<uint32_t> peer_groups(int fd) {
  std::vector<uint32_t> groups(64);
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto length = static_cast<socklen_t>(groups.size() * sizeof(uint32_t));
    int result = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
    if (result != 0 && errno != ERANGE) return {};
    groups.resize(length / sizeof(uint32_t));
    if (result == 0) return groups;
  }
  return {};
}

}  // namespace

Listener::Listener(Loop& loop, Fd socket, Callbacks callbacks)
    : socket_(std::move(socket)),
      callbacks_(std::move(callbacks)),
      watch_(loop, socket_.get(), *this),
      retry_(loop, [this] { resume(); }) {
  if (!watch_.set(FdWatch::Mode::reading, false)) pause(ENOMEM);
}

size_t Listener::accept_burst() {
  if (!socket_ || paused_) return 0;
  size_t accepted = 0;
  for (size_t tried = 0; tried < kBurst; ++tried) {
    Fd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (is_of_the_connection(errno)) continue;
      // Whatever else it is, the socket stays readable: to go on would take a whole core.
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        pause(errno);
      } else {
        episode_logged_ = false;
      }
      return accepted;
    }
    ++accepted;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
    auto peer = peer_credentials(fd.get());
    if (!peer) continue;
    Credentials credentials{peer->pid, peer->uid, peer->gid, peer_groups(fd.get())};
    callbacks_.on_connection(std::move(fd), credentials);
  }
  // Whatever it says, no queue holds so many that are gone already.
  if (accepted == 0) pause(errno);
  return kBurst;
}

void Listener::pause(int reason) {
  paused_ = true;
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  retry_.set(now() + kRetryAfter);
  if (!episode_logged_) callbacks_.on_pause(errno_error("accept", reason).what);
  episode_logged_ = true;
}

void Listener::resume() {
  if (!paused_ || !socket_) return;
  paused_ = false;
  retry_.clear();
  if (!watch_.set(FdWatch::Mode::reading, false)) pause(ENOMEM);
}

void Listener::descriptor_freed() { resume(); }

void Listener::close() {
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  retry_.clear();
  socket_.reset();
}

}  // namespace bus::hub
