#include "hub/listener.h"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
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
constexpr Duration kAcceptAgainAfter = milliseconds(100);

// What is wrong with one connection that waited, and not with us (accept(2)).
bool is_of_the_connection(int error) { return error == EINTR || error == ECONNABORTED || error == EPROTO; }

bool is_shortage_of_descriptors(int error) { return error == EMFILE || error == ENFILE; }

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
  fill_reserve();
  if (!watch_.set(FdWatch::Mode::reading, false)) pause(ENOMEM);
}

int Listener::accept_one(Fd& fd) {
  fd = Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return fd ? 0 : errno;
}

int Listener::accept_next(Fd& fd, Supply& supply) {
  supply = Supply::ample;
  int error = accept_one(fd);
  if (!is_shortage_of_descriptors(error)) return error;
  callbacks_.make_room();
  fill_reserve();
  error = accept_one(fd);
  if (!is_shortage_of_descriptors(error) || reserve_.empty()) return error;
  supply = Supply::reserve;
  reserve_.pop_back();
  error = accept_one(fd);
  if (error != 0) fill_reserve();
  return error;
}

// An eventfd counts as any other file does, for the process and for the machine.
void Listener::fill_reserve() {
  while (reserve_.size() < kAdministrativePlaces) {
    Fd spare(::eventfd(0, EFD_CLOEXEC));
    if (!spare) return;
    reserve_.push_back(std::move(spare));
  }
}

size_t Listener::accept_burst() {
  if (!socket_ || paused_) return 0;
  size_t accepted = 0;
  int error = 0;
  for (size_t tried = 0; tried < kBurst; ++tried) {
    Fd fd;
    Supply supply = Supply::ample;
    error = accept_next(fd, supply);
    if (error != 0) {
      if (is_of_the_connection(error)) continue;
      // Whatever else it is, the socket stays readable: to go on would take a whole core.
      if (error != EAGAIN && error != EWOULDBLOCK) {
        pause(error);
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
    callbacks_.on_connection(std::move(fd), credentials, supply);
  }
  // Whatever it says, no queue holds so many that are gone already.
  if (accepted == 0) pause(error);
  return kBurst;
}

void Listener::pause(int reason) {
  paused_ = true;
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  retry_.set(now() + kAcceptAgainAfter);
  if (!episode_logged_) callbacks_.on_pause(errno_error("accept", reason).what);
  episode_logged_ = true;
}

void Listener::resume() {
  if (!paused_ || !socket_) return;
  paused_ = false;
  retry_.clear();
  if (!watch_.set(FdWatch::Mode::reading, false)) pause(ENOMEM);
}

void Listener::descriptor_freed() {
  if (socket_) fill_reserve();
  resume();
}

void Listener::close() {
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  retry_.clear();
  reserve_.clear();
  socket_.reset();
}

}  // namespace bus::hub
