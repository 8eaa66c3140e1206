#include "hub/instance_lock.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/codec.h"

namespace bus::hub {

namespace {

// flock(2) cannot wait for a bounded time without a signal or a thread; forty attempts in two seconds cost
// nothing.
constexpr Duration kRetryStep = milliseconds(50);

// Waits for `time`, or until one of the signals comes that end the hub; they are blocked (serve.cpp).
bool told_to_end_within(Duration time) {
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  timespec wait{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  return ::sigtimedwait(&ends, nullptr, &wait) > 0;
}

// The kernel says who listened when we connected, which of a socket that is passed on was its opener; the hub
// that has answered since has listened anew.
std::optional<pid_t> listener_now(const std::string& socket) {
  auto connected = connect_unix(socket, milliseconds(100));
  if (!connected) return std::nullopt;
  auto peer = peer_credentials(connected->get());
  return peer ? std::optional<pid_t>(peer->pid) : std::nullopt;
}

bool somebody_listens(const std::string& socket) {
  auto connected = connect_unix(socket, milliseconds(1));
  // Or so many wait there already that nobody more is let in.
  return connected.has_value() || connected.error().code == Errc::timed_out;
}

void write_pid(int fd) {
  std::string text = std::to_string(::getpid()) + "\n";
  // For display only: a full disk is no reason not to serve.
  if (::ftruncate(fd, 0) != 0) return;
  static_cast<void>(write_all(fd, text));
}

}  // namespace

Result<InstanceLock> InstanceLock::acquire(const Endpoint& endpoint, Duration patience) {
  TimePoint deadline = now() + patience;
  for (;;) {
    auto lock = try_lock_file(endpoint.lock);
    if (lock) {
      write_pid(lock->get());
      return InstanceLock(std::move(lock.value()), endpoint.socket);
    }
    if (lock.error().code != Errc::busy || now() >= deadline) return std::move(lock.error());
    if (told_to_end_within(std::min<Duration>(kRetryStep, deadline - now())))
      return Error{Errc::closed, "told to end while it waited for " + quoted(endpoint.lock)};
  }
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept
    : lock_(std::move(other.lock_)),
      socket_(std::move(other.socket_)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

InstanceLock::~InstanceLock() { take_down_socket(); }

Result<Fd> InstanceLock::put_up_socket(int backlog) {
  struct stat st {};
  if (::lstat(socket_.c_str(), &st) == 0) {
    if (!S_ISSOCK(st.st_mode)) {
      return Error{
          Errc::denied,
          quoted(socket_) + " exists and is not a socket: left untouched; move it away or use another path"};
    }
    if (somebody_listens(socket_))
      return Error{Errc::busy, "somebody listens at " + quoted(socket_) + " without holding its lock"};
    if (::unlink(socket_.c_str()) != 0)
      return errno_error("remove the stale socket " + quoted(socket_), errno);
  } else if (errno != ENOENT) {
    return errno_error("stat " + quoted(socket_), errno);
  }
  BUSD_ASSIGN(Fd listening, listen_unix(socket_, backlog));
  if (::lstat(socket_.c_str(), &st) != 0) {
    Error error = errno_error("stat " + quoted(socket_), errno);
    ::unlink(socket_.c_str());
    return error;
  }
  device_ = st.st_dev;
  inode_ = st.st_ino;
  return listening;
}

void InstanceLock::take_down_socket() {
  struct stat st {};
  if (inode_ != 0 && ::lstat(socket_.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_) {
    ::unlink(socket_.c_str());
  }
  inode_ = 0;
}

Result<pid_t> answering_hub(const std::string& socket, Duration patience) {
  TimePoint deadline = now() + patience;
  BUSD_ASSIGN(Fd fd, connect_unix(socket, patience));
  BUSD_ASSIGN(PeerCredentials peer, peer_credentials(fd.get()));
  BUSD_TRY(write_all(fd.get(), encode(StatusQuery{})));
  for (;;) {
    auto left = to_ms(deadline - now());
    if (left <= 0) return Error{Errc::timed_out, "no answer from " + quoted(socket)};
    pollfd waiting{fd.get(), POLLIN, 0};
    int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return errno_error("poll", errno);
    if (ready <= 0) continue;
    // Any byte will do: only a hub that runs sends one.
    char byte = 0;
    ssize_t got = ::read(fd.get(), &byte, 1);
    if (got == 1) return listener_now(socket).value_or(peer.pid);
    if (got == 0 || (errno != EINTR && errno != EAGAIN))
      return Error{Errc::closed, quoted(socket) + " was closed"};
  }
}

}  // namespace bus::hub
