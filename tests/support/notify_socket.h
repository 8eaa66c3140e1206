// A service manager's end of sd_notify(3): a datagram socket, and what arrives there.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include "protocol/base/fd.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"

namespace bus::test {

class NotifySocket {
 public:
  // `name` as in NOTIFY_SOCKET: a path, or @ and an abstract name.
  explicit NotifySocket(const std::string& name) : name_(name) {
    fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(fd_);
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, name.data(), name.size());
    if (name[0] == '@') address_.sun_path[0] = '\0';
    length_ =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 0 : 1));
    REQUIRE(::bind(fd_.get(), address(), length_) == 0);
  }

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }

  // The next datagram; empty when none is there within `patience`.
  std::string take(Duration patience) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(to_ms(patience))) != 1) return {};
    char text[4096];
    ssize_t n = ::recv(fd_.get(), text, sizeof text, 0);
    return std::string(text, n > 0 ? static_cast<size_t>(n) : 0);
  }
  // The next one that begins with `start`, whatever comes before; fails the test when none comes.
  std::string await(const std::string& start) {
    std::string seen;
    TimePoint deadline = now() + kPatience;
    while (now() < deadline) {
      std::string text = take(std::max<Duration>(deadline - now(), milliseconds(1)));
      if (text.starts_with(start)) return text;
      seen += text;
    }
    FAIL("no datagram begins with " << start << "; there came:\n" << seen);
    return {};
  }

  // Until nobody can send any more. One sender's own buffer ends before this socket's queue does.
  void fill() {
    while (stuff() > 0) {
    }
  }
  void drain_stuffing() {
    while (take(milliseconds(0)) == "x") {
    }
  }

 private:
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
  // How many datagrams were taken from one more sender.
  size_t stuff() {
    Fd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(sender);
    size_t sent = 0;
    while (::sendto(sender.get(), "x", 1, MSG_NOSIGNAL, address(), length_) == 1) ++sent;
    REQUIRE(errno == EAGAIN);
    return sent;
  }

  std::string name_;
  sockaddr_un address_{};
  socklen_t length_ = 0;
  Fd fd_;
};

}  // namespace bus::test
