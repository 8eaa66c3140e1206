#include "tests/bench/wire.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"

namespace bus::bench {

namespace {

constexpr size_t kMaxAnswerBytes = 1 << 20;
constexpr int kSocketBufferBytes = 1 << 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Result<void> wait_for(int fd, short events, TimePoint deadline) {
  for (;;) {
    auto left = std::clamp<long long>(to_ms(deadline - now()), 0, 60'000);
    pollfd waiting{fd, events, 0};
    int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return errno_error("poll", errno);
    if (left == 0) return Error{Errc::timed_out, "no progress in time"};
  }
}

constexpr size_t kLookBytes = 4096;

// Appends at most `bytes` to `into`, at least one.
Result<void> read_some(int fd, std::string& into, size_t bytes, TimePoint deadline, int flags = 0) {
  size_t had = into.size();
  into.resize(had + bytes);
  for (;;) {
    ssize_t got = ::recv(fd, into.data() + had, bytes, MSG_DONTWAIT | flags);
    int saved = errno;
    into.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) return {};
    if (got == 0) return Error{Errc::closed, "closed by the server after " + printable(into)};
    if (saved != EAGAIN && saved != EINTR) return errno_error("recv", saved);
    if (auto waited = wait_for(fd, POLLIN, deadline); !waited) {
      return Error{waited.error().code, "no complete answer in time, but " + printable(into)};
    }
    into.resize(had + bytes);
  }
}

}  // namespace

Result<Fd> connect_tcp(uint16_t port, Duration patience) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error("socket", errno);
  int on = 1;
  if (::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return errno_error("setsockopt TCP_NODELAY", errno);
  }
  sockaddr_in address = loopback(port);
  std::string what = "connect to port " + std::to_string(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (errno != EINPROGRESS) return errno_error(what, errno);
  BUSD_TRY(wait_for(fd.get(), POLLOUT, now() + patience));
  int fault = 0;
  socklen_t size = sizeof fault;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &fault, &size) != 0) fault = errno;
  if (fault != 0) return errno_error(what, fault);
  return fd;
}

Result<uint16_t> free_port() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("socket", errno);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return errno_error("bind to a free port", errno);
  }
  return ntohs(address.sin_port);
}

Result<void> set_buffers(int fd) {
  for (int option : {SO_SNDBUF, SO_RCVBUF}) {
    if (::setsockopt(fd, SOL_SOCKET, option, &kSocketBufferBytes, sizeof kSocketBufferBytes) != 0) {
      return errno_error("setsockopt", errno);
    }
  }
  return {};
}

Result<void> send_all(int fd, std::string_view bytes, Duration patience) {
  TimePoint deadline = now() + patience;
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      BUSD_TRY(wait_for(fd, POLLOUT, deadline));
    } else if (errno != EINTR) {
      return errno_error("send", errno);
    }
  }
  return {};
}

Result<std::string> read_until(int fd, std::string_view end, Duration patience) {
  TimePoint deadline = now() + patience;
  std::string text;
  while (text.size() < kMaxAnswerBytes) {
    // Looked at before it is taken: what stands behind `end` belongs to somebody else.
    size_t had = text.size();
    BUSD_TRY(read_some(fd, text, kLookBytes, deadline, MSG_PEEK));
    size_t at = text.find(end, had - std::min(had, end.size() - 1));
    size_t wanted = (at == std::string::npos ? text.size() : at + end.size()) - had;
    text.resize(had);
    BUSD_TRY(read_some(fd, text, wanted, deadline));
    if (at != std::string::npos) return text;
  }
  return Error{Errc::too_long, "an answer without its end"};
}

Result<std::string> read_exactly(int fd, size_t bytes, Duration patience) {
  TimePoint deadline = now() + patience;
  std::string text;
  while (text.size() < bytes) BUSD_TRY(read_some(fd, text, bytes - text.size(), deadline));
  return text;
}

Result<void> wait_until_accepting(ServerProcess& server, const std::string& unix_path) {
  auto accepts = [&] { return connect_unix(unix_path, kHandshakePatience).has_value(); };
  return server.await(accepts, kHandshakePatience);
}

Result<void> wait_until_accepting(ServerProcess& server, uint16_t port) {
  return server.await([&] { return connect_tcp(port).has_value(); }, kHandshakePatience);
}

}  // namespace bus::bench
