#include "hub/instance_lock.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/encode.h"
#include "protocol/messages/status.h"

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

// Error denied: something else does.
Result<bool> socket_stands_at(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return false;
    return errno_error("stat " + printable(path), errno);
  }
  if (S_ISSOCK(st.st_mode)) return true;
  return Error{
      Errc::denied,
      printable(path) + " exists and is not a socket: left untouched; move it away or use another path"};
}

}  // namespace

Result<InstanceLock> InstanceLock::acquire(const Endpoint& endpoint, Duration patience) {
  TimePoint deadline = now() + patience;
  Fd directory(::open(endpoint.directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return errno_error("open directory " + printable(endpoint.directory), errno);
  for (;;) {
    auto lock = try_lock_file(endpoint.lock);
    if (lock) {
      write_pid(lock->get());
      return InstanceLock(std::move(lock.value()), std::move(directory), endpoint);
    }
    if (lock.error().code != Errc::busy || now() >= deadline) return std::move(lock.error());
    if (told_to_end_within(std::min<Duration>(kRetryStep, deadline - now())))
      return Error{Errc::closed, "told to end while it waited for " + printable(endpoint.lock)};
  }
}

InstanceLock::InstanceLock(Fd lock, Fd directory, const Endpoint& endpoint)
    : lock_(std::move(lock)),
      directory_(std::move(directory)),
      directory_path_(endpoint.directory),
      lock_path_(endpoint.lock),
      socket_(endpoint.socket) {
  struct stat st {};
  if (::fstat(directory_.get(), &st) == 0) directory_mode_ = st.st_mode;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept
    : lock_(std::move(other.lock_)),
      directory_(std::move(other.directory_)),
      directory_mode_(other.directory_mode_),
      directory_path_(std::move(other.directory_path_)),
      lock_path_(std::move(other.lock_path_)),
      socket_(std::move(other.socket_)),
      socket_identity_(std::exchange(other.socket_identity_, {})),
      socket_is_passed_(other.socket_is_passed_),
      access_(other.access_) {}

InstanceLock::~InstanceLock() { take_down_socket(); }

Result<Fd> InstanceLock::put_up_socket(int backlog) {
  BUSD_ASSIGN(bool stands, socket_stands_at(socket_));
  if (stands) {
    if (somebody_listens(socket_))
      return Error{Errc::busy, "somebody listens at " + printable(socket_) + " without holding its lock"};
    if (::unlink(socket_.c_str()) != 0)
      return errno_error("remove the stale socket " + printable(socket_), errno);
  }
  BUSD_ASSIGN(Fd listening, listen_unix(socket_, backlog));
  auto remembered = open_socket(socket_, access_);
  if (remembered) remembered = remember_socket(false);
  if (!remembered) {
    ::unlink(socket_.c_str());
    return remembered.error();
  }
  return listening;
}

Result<void> InstanceLock::keep_passed_socket() { return remember_socket(true); }

Result<void> InstanceLock::remember_socket(bool passed) {
  struct stat st {};
  if (::lstat(socket_.c_str(), &st) != 0) return errno_error("stat " + printable(socket_), errno);
  socket_identity_ = identity_of(st);
  socket_is_passed_ = passed;
  return {};
}

void InstanceLock::take_down_socket() {
  struct stat st {};
  if (!socket_is_passed_ && socket_identity_ != Identity{} && ::lstat(socket_.c_str(), &st) == 0 &&
      identity_of(st) == socket_identity_) {
    ::unlink(socket_.c_str());
  }
  socket_identity_ = {};
}

// ---- looking after the place

InstanceLock::Look InstanceLock::look(int backlog) {
  if (auto trouble = check_directory()) return std::move(*trouble);
  Look out;
  if (auto lock = mend_lock()) {
    if (lock->kind != Look::Kind::mended) return std::move(*lock);
    out = std::move(*lock);
  }
  if (auto socket = mend_socket(backlog)) return std::move(*socket);
  return out;
}

std::optional<InstanceLock::Look> InstanceLock::check_directory() const {
  struct stat there {};
  struct stat ours {};
  if (::lstat(directory_path_.c_str(), &there) != 0) {
    std::string reason = errno_error("directory " + printable(directory_path_), errno).what;
    bool gone = errno == ENOENT || errno == ENOTDIR;
    return Look{gone ? Look::Kind::lost : Look::Kind::undecided, std::move(reason), {}};
  }
  if (::fstat(directory_.get(), &ours) != 0)
    return Look{Look::Kind::undecided, errno_error("stat " + printable(directory_path_), errno).what, {}};
  if (identity_of(there) != identity_of(ours))
    return Look{
        Look::Kind::lost, "another directory was put in the place of " + printable(directory_path_), {}};
  return std::nullopt;
}

// Nothing: the lock is ours, and its file stands where it belongs.
std::optional<InstanceLock::Look> InstanceLock::mend_lock() {
  struct stat there {};
  struct stat ours {};
  if (::fstat(lock_.get(), &ours) != 0)
    return Look{Look::Kind::undecided, errno_error("stat " + printable(lock_path_), errno).what, {}};
  if (::lstat(lock_path_.c_str(), &there) == 0) {
    if (identity_of(there) == identity_of(ours)) return std::nullopt;
  } else if (errno != ENOENT) {
    return Look{Look::Kind::undecided, errno_error("stat " + printable(lock_path_), errno).what, {}};
  }
  // Whoever holds the lock of the file that stands there may serve. So a file there is only taken by its
  // lock, as at the start of any hub; the old one is let go after that.
  auto lock = try_lock_file(lock_path_);
  if (!lock) {
    Look::Kind kind = lock.error().code == Errc::busy     ? Look::Kind::contested
                      : lock.error().code == Errc::denied ? Look::Kind::lost
                                                          : Look::Kind::undecided;
    struct stat socket {};
    bool ours_listens = ::lstat(socket_.c_str(), &socket) == 0 && identity_of(socket) == socket_identity_;
    if (kind == Look::Kind::contested && !ours_listens && somebody_listens(socket_)) kind = Look::Kind::lost;
    return Look{kind, lock.error().what, {}};
  }
  write_pid(lock->get());
  lock_ = std::move(*lock);
  return Look{Look::Kind::mended, "the file " + printable(lock_path_) + " was removed or replaced", {}};
}

// Nothing: the socket is ours. Only called while the lock is.
std::optional<InstanceLock::Look> InstanceLock::mend_socket(int backlog) {
  struct stat there {};
  if (::lstat(socket_.c_str(), &there) == 0) {
    if (identity_of(there) == socket_identity_) return std::nullopt;
  } else if (errno != ENOENT) {
    return Look{Look::Kind::undecided, errno_error("stat " + printable(socket_), errno).what, {}};
  }
  std::string what = "the socket " + printable(socket_) + " was removed or replaced";
  if (socket_is_passed_)
    return Look{
        Look::Kind::lost, what + ", and only the service manager that passed it can make another", {}};
  struct stat directory {};
  bool closed = ::fstat(directory_.get(), &directory) == 0 && directory.st_uid == ::geteuid() &&
                (directory.st_mode & 077U & ~directory_mode_) == 0;
  if (!closed)
    return Look{Look::Kind::lost,
                what + ", and directory " + printable(directory_path_) + " is open to others now",
                {}};
  auto listening = put_up_socket(backlog);
  if (listening) return Look{Look::Kind::mended, what, std::move(*listening)};
  bool theirs = listening.error().code == Errc::busy || listening.error().code == Errc::denied;
  return Look{theirs ? Look::Kind::lost : Look::Kind::undecided, what + ": " + listening.error().what, {}};
}

Result<void> try_put_up(const std::string& socket) {
  BUSD_ASSIGN(bool stands, socket_stands_at(socket));
  if (may_create_in(parent_dir(socket))) return {};
  return stands ? errno_error("remove the stale socket " + printable(socket), errno)
                : errno_error("bind " + printable(socket), errno);
}

Result<pid_t> answering_hub(const std::string& socket, Duration patience) {
  TimePoint deadline = now() + patience;
  BUSD_ASSIGN(Fd fd, connect_unix(socket, patience));
  BUSD_ASSIGN(PeerCredentials peer, peer_credentials(fd.get()));
  BUSD_TRY(write_all(fd.get(), encode(StatusQuery{})));
  for (;;) {
    auto left = to_ms(deadline - now());
    if (left <= 0) return Error{Errc::timed_out, "no answer from " + printable(socket)};
    pollfd waiting{fd.get(), POLLIN, 0};
    int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return errno_error("poll", errno);
    if (ready <= 0) continue;
    // Any byte will do: only a hub that runs sends one.
    char byte = 0;
    ssize_t got = ::read(fd.get(), &byte, 1);
    if (got == 1) return listener_now(socket).value_or(peer.pid);
    if (got == 0 || (errno != EINTR && errno != EAGAIN))
      return Error{Errc::closed, printable(socket) + " was closed"};
  }
}

}  // namespace bus::hub
