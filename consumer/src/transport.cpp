#include "consumer/src/transport.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

namespace bus::sdk {

namespace {

// What one read takes of a connection on which little comes. Each read that takes all of it doubles it.
constexpr size_t kFirstReadBytes = 2048;

// And of one on which much comes: no less than what a socket of the default size holds, so that its other end,
// which sleeps until most of that has been taken, works on while we look at what we got. Measured with 1 KiB
// events: 1.5 times the rate of 64 or 128 KiB.
constexpr size_t kMostReadBytes = 262'144;

// Longest single wait; a later deadline is waited for in turns.
constexpr long long kLongestWaitMs = 3'600'000;

Result<void> watch(int epoll, int op, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, op, fd, &event) != 0) return errno_error("epoll_ctl", errno);
  return {};
}

int wait_ms(TimePoint deadline) {
  if (deadline == kNever) return -1;
  TimePoint at = now();
  if (deadline <= at) return 0;
  Duration left = deadline - at;
  // Rounded up: waking a little early would only spin until the deadline.
  long long ms = std::chrono::ceil<milliseconds>(left).count();
  return static_cast<int>(std::min(ms, kLongestWaitMs));
}

}  // namespace

Transport::Transport() : chunk_wanted_(kFirstReadBytes) {}

Result<Transport> Transport::create() {
  Transport made;
  made.epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!made.epoll_) return errno_error("epoll_create1", errno);
  made.wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!made.wake_) return errno_error("eventfd", errno);
  BUSD_TRY(watch(made.epoll_.get(), EPOLL_CTL_ADD, made.wake_.get(), EPOLLIN));
  return made;
}

Result<void> Transport::attach(Fd socket) {
  detach();
  discard_unsent();
  failed_ = false;
  BUSD_TRY(watch(epoll_.get(), EPOLL_CTL_ADD, socket.get(), EPOLLIN));
  socket_ = std::move(socket);
  return {};
}

void Transport::detach() {
  // By hand, because a forked child of the host may hold the socket open, and closing ours would leave it in
  // the set.
  if (socket_) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket_.get(), nullptr);
  socket_.reset();
  blocked_ = false;
  read_later_ = false;
}

void Transport::send_pending() {
  while (socket_ && !failed_ && out_.size() > 0) {
    ssize_t n = ::send(socket_.get(), out_.unsent().data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      failed_ = errno != EAGAIN && errno != ENOBUFS;
      break;
    }
    out_.sent(static_cast<size_t>(n));
    sent_total_ += static_cast<uint64_t>(n);
  }
  watch_room(!failed_ && out_.size() > 0);
}

bool Transport::unread() const {
  int bytes = 0;
  return socket_ && ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

void Transport::watch_room(bool on) {
  if (on == blocked_ || !socket_) return;
  blocked_ = on;
  watch_again();
}

void Transport::read_later(bool on) {
  if (on == read_later_ || !socket_) return;
  read_later_ = on;
  watch_again();
}

void Transport::watch_again() {
  uint32_t events = (read_later_ ? 0U : EPOLLIN) | (blocked_ ? EPOLLOUT : 0U);
  auto watched = watch(epoll_.get(), EPOLL_CTL_MOD, socket_.get(), events);
  BUSD_CHECK(watched.has_value());
}

Transport::Read Transport::read(std::string_view& chunk, std::string& why) {
  if (!socket_) return Read::nothing;
  if (chunk_wanted_ != chunk_bytes_) {
    chunk_ = std::make_unique_for_overwrite<char[]>(chunk_wanted_);
    chunk_bytes_ = chunk_wanted_;
  }
  ssize_t n = 0;
  do {
    n = ::recv(socket_.get(), chunk_.get(), chunk_bytes_, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    chunk = std::string_view(chunk_.get(), static_cast<size_t>(n));
    if (chunk.size() == chunk_bytes_) chunk_wanted_ = std::min(2 * chunk_bytes_, kMostReadBytes);
    return Read::data;
  }
  if (n < 0 && errno == EAGAIN) return Read::nothing;
  why =
      n == 0 ? "the hub closed the connection" : errno_error("the connection to the hub failed", errno).what;
  return Read::end;
}

Transport::Wait Transport::wait(TimePoint deadline) {
  epoll_event events[3];
  int ready = 0;
  do {
    ready = ::epoll_wait(epoll_.get(), events, 3, wait_ms(deadline));
  } while (ready < 0 && errno == EINTR);
  Wait result = Wait::timed_out;
  for (int i = 0; i < ready; ++i) {
    if (events[i].data.fd == cancel_) {
      result = Wait::woken;
      continue;
    }
    if (events[i].data.fd != wake_.get()) {
      if (result != Wait::woken) result = Wait::ready;
      continue;
    }
    uint64_t count = 0;
    if (::read(wake_.get(), &count, sizeof count) == sizeof count) result = Wait::woken;
  }
  return result;
}

Result<void> Transport::watch_cancel(int fd) {
  BUSD_TRY(watch(epoll_.get(), EPOLL_CTL_ADD, fd, EPOLLIN));
  cancel_ = fd;
  return {};
}

bool Transport::is_cancelled() const {
  pollfd look{.fd = cancel_, .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) > 0;
}

void Transport::forget_cancel() {
  if (cancel_ >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, cancel_, nullptr);
  cancel_ = -1;
}

void Transport::wake() noexcept {
  int saved = errno;  // a signal handler must leave errno alone
  uint64_t one = 1;
  // The only failure is a full counter, and then the wait ends all the same.
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
  errno = saved;
}

}  // namespace bus::sdk
