#include "consumer/src/open_socket.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "consumer/src/client_core.h"
#include "consumer/src/socket_trouble.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"

namespace bus::sdk {

namespace {

// What is peeked at once: more than a hello_ack has, unless the hub announces much.
constexpr size_t kPeekBytes = 1024;

class Greeting {
 public:
  Greeting(int fd, TimePoint deadline) : fd_(fd), deadline_(deadline) {}

  ApiResult send(std::string_view text) const {
    while (!text.empty()) {
      ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
        text.remove_prefix(static_cast<size_t>(n));
      } else if (n < 0 && errno == EAGAIN) {
        if (!wait(POLLOUT)) return late();
      } else if (errno != EINTR) {
        return {BUSD_UNREACHABLE, "the hub closed the connection before it answered hello"};
      }
    }
    return {};
  }

  // The rest of one line, with its LF.
  ApiResult take_line(std::string& line) const {
    line.clear();
    for (;;) {
      char bytes[kPeekBytes];
      ssize_t n = ::recv(fd_, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
      if (n > 0) {
        std::string_view seen(bytes, static_cast<size_t>(n));
        size_t end = seen.find('\n');
        size_t ours = end == std::string_view::npos ? seen.size() : end + 1;
        if (::recv(fd_, bytes, ours, 0) != static_cast<ssize_t>(ours))
          return {BUSD_INTERNAL, "the socket gave other bytes than it had shown"};
        line += seen.substr(0, ours);
        if (end != std::string_view::npos) return {};
        if (line.size() > kMaxFrameBytes)
          return {BUSD_PROTOCOL, "the answer to hello is longer than any frame"};
      } else if (n < 0 && errno == EAGAIN) {
        if (!wait(POLLIN)) return late();
      } else if (n == 0 || errno != EINTR) {
        return {BUSD_UNREACHABLE, "the hub closed the connection before it answered hello"};
      }
    }
  }

 private:
  static ApiResult late() { return {BUSD_TIMED_OUT, "the hub did not answer hello in time"}; }

  bool wait(short events) const {
    Duration left = deadline_ - now();
    if (left <= Duration::zero()) return false;
    pollfd waiting{fd_, events, 0};
    (void)::poll(&waiting, 1, static_cast<int>(std::min<long long>(to_ms(left) + 1, 60'000)));
    return true;
  }

  int fd_;
  TimePoint deadline_;
};

}  // namespace

ApiResult open_socket(const SessionOptions& options, Fd& opened) {
  TimePoint deadline = now() + options.open_timeout;
  auto socket = connect_or_start(options.endpoint, options.start, deadline);
  if (!socket) return result_of(socket.error());
  auto peer = peer_credentials(socket->get());
  ClientCore core(options.hello);
  Greeting greeting(socket->get(), deadline);
  ApiResult result = greeting.send(core.connected(deadline));
  std::string line;
  while (result.ok()) {
    result = greeting.take_line(line);
    if (!result.ok()) break;
    core.receive(line);
    const Item* item = core.next();
    bool is_accepted = item != nullptr && item->kind == ItemKind::reset;
    if (item != nullptr && item->kind == ItemKind::turned_away)
      result = turned_away_result(*item, options.endpoint, peer ? peer->pid : 0);
    while (core.next() != nullptr) {
    }
    if (is_accepted) break;
  }
  if (!result.ok()) return result;
  int flags = ::fcntl(socket->get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket->get(), F_SETFL, flags & ~O_NONBLOCK) != 0)
    return result_of(errno_error("make the socket block", errno));
  opened = std::move(*socket);
  return {};
}

}  // namespace bus::sdk
