// bus-bench-null-hub SOCKET: the ceiling of a hub with one thread that copies. It reads from publishers and
// writes the same bytes to every subscriber, and looks at none of them, but for the last line end of a read,
// so that two publishers' lines do not mix.
//
// A connection says with its first byte what it is: 'P' a publisher, 'S' a subscriber, which gets an 'S' back
// once it is counted in. While a subscriber's socket is full, its rest is kept and no publisher is read.
// Subscribers stay until the end: one that leaves ends the program.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/unix_socket.h"

namespace bus::bench {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kLongestLine = 1024 * 1024;
constexpr int kSendBufferBytes = 512 * 1024;  // as busd has
constexpr int kBacklog = 4096;

class NullHub {
 public:
  explicit NullHub(Fd listener) : listener_(std::move(listener)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
  }

  // Until something breaks; returns what.
  const char* serve() {
    std::array<epoll_event, 256> events;
    while (fault_ == nullptr) {
      int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) return "epoll_wait failed";
      for (int i = 0; i < count; ++i) handle(events[static_cast<size_t>(i)]);
    }
    return fault_;
  }

 private:
  enum class Kind { unknown, publisher, subscriber };
  struct Connection {
    Fd fd;
    Kind kind = Kind::unknown;
    std::string
        rest;  // of a subscriber: what its socket has not taken; of a publisher: the beginning of a line
  };

  void watch(int operation, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) fault_ = "epoll_ctl failed";
  }

  void handle(const epoll_event& event) {
    if (event.data.fd == listener_.get()) return accept_one();
    auto at = connections_.find(event.data.fd);
    if (at == connections_.end()) return;
    Connection& connection = at->second;
    if ((event.events & EPOLLOUT) != 0) {
      send_rest(connection);
    } else if (connection.kind == Kind::publisher) {
      forward_from(connection);
    } else {
      read_first_byte(connection);
    }
  }

  void accept_one() {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    int number = fd.get();
    ::setsockopt(number, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
    connections_[number].fd = std::move(fd);
    watch(EPOLL_CTL_ADD, number, EPOLLIN);
  }

  void read_first_byte(Connection& connection) {
    char kind = 0;
    if (::recv(connection.fd.get(), &kind, 1, 0) <= 0) {
      if (connection.kind == Kind::subscriber) fault_ = "a subscriber left";
      connections_.erase(connection.fd.get());
    } else if (kind == 'P') {
      connection.kind = Kind::publisher;
    } else {
      connection.kind = Kind::subscriber;
      subscribers_.push_back(&connection);
      send_to(connection, "S");
    }
  }

  void forward_from(Connection& publisher) {
    if (clogged_ > 0) return;
    size_t begun = publisher.rest.copy(buffer_.data(), publisher.rest.size());
    ssize_t got = ::recv(publisher.fd.get(), buffer_.data() + begun, kReadBytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      connections_.erase(publisher.fd.get());
      return;
    }
    std::string_view bytes(buffer_.data(), begun + static_cast<size_t>(got));
    size_t whole = bytes.rfind('\n') + 1;  // 0 when there is none
    publisher.rest.assign(bytes.substr(whole));
    if (publisher.rest.size() > kLongestLine) fault_ = "a publisher's line is too long";
    bytes = bytes.substr(0, whole);
    if (bytes.empty()) return;
    for (Connection* subscriber : subscribers_) send_to(*subscriber, bytes);
  }

  void send_to(Connection& subscriber, std::string_view bytes) {
    ssize_t sent = ::send(subscriber.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fault_ = "a subscriber's socket broke";
    size_t taken = static_cast<size_t>(std::max<ssize_t>(sent, 0));
    if (taken == bytes.size()) return;
    subscriber.rest.assign(bytes.substr(taken));
    watch(EPOLL_CTL_MOD, subscriber.fd.get(), EPOLLOUT);
    if (clogged_++ == 0) set_publishers(0);
  }

  void send_rest(Connection& subscriber) {
    ssize_t sent = ::send(subscriber.fd.get(), subscriber.rest.data(), subscriber.rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fault_ = "a subscriber's socket broke";
    subscriber.rest.erase(0, static_cast<size_t>(std::max<ssize_t>(sent, 0)));
    if (!subscriber.rest.empty()) return;
    watch(EPOLL_CTL_MOD, subscriber.fd.get(), EPOLLIN);
    if (--clogged_ == 0) set_publishers(EPOLLIN);
  }

  void set_publishers(uint32_t events) {
    for (auto& [fd, connection] : connections_) {
      if (connection.kind == Kind::publisher) watch(EPOLL_CTL_MOD, fd, events);
    }
  }

  Fd listener_;
  Fd epoll_;
  std::map<int, Connection> connections_;
  std::vector<Connection*> subscribers_;
  size_t clogged_ = 0;  // subscribers with a rest
  std::string buffer_ = std::string(kLongestLine + kReadBytes, '\0');
  const char* fault_ = nullptr;
};

}  // namespace

}  // namespace bus::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bus-bench-null-hub SOCKET\n", stderr);
    return 64;
  }
  auto listener = bus::listen_unix(argv[1], bus::bench::kBacklog);
  if (!listener) {
    std::fprintf(stderr, "bus-bench-null-hub: %s\n", listener.error().what.c_str());
    return 69;
  }
  bus::bench::NullHub hub(std::move(*listener));
  std::fprintf(stderr, "bus-bench-null-hub: %s\n", hub.serve());
  return 70;
}
