#include "tests/support/raw_client.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/messages.h"

namespace bus::test {

namespace {

// For messages: not a megabyte of payload.
std::string shortened(const std::string& text) {
  return text.size() <= 2000 ? text : text.substr(0, 2000) + "… (" + std::to_string(text.size()) + " bytes)";
}

bool wait_for(int fd, short events, TimePoint deadline) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    auto left = std::max<long long>(to_ms(deadline - now()), 0);
    int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0) return false;
  }
}

}  // namespace

RawClient::RawClient(const std::string& socket) {
  auto connected = connect_unix(socket, kPatience);
  if (!connected) FAIL(connected.error().what);
  fd_ = std::move(*connected);
}

void RawClient::fail(const std::string& why) const {
  FAIL(why << "; last line: " << shortened(last_line_) << "; unread: " << shortened(received_));
  std::abort();  // FAIL has thrown
}

void RawClient::send(std::string_view bytes) {
  TimePoint deadline = now() + kPatience;
  while (!bytes.empty()) {
    ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd_.get(), POLLOUT, deadline)) fail("the hub did not take all bytes in time");
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return;
    } else if (errno != EINTR) {
      fail("send failed");
    }
  }
}

void RawClient::send_line(std::string_view line) { send(std::string(line) + "\n"); }

size_t RawClient::send_some(std::string_view bytes) {
  ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return n > 0 ? static_cast<size_t>(n) : 0;
}

RawClient::Got RawClient::receive_some(TimePoint deadline) {
  char chunk[65536];
  for (;;) {
    ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0) {
      received_.append(chunk, static_cast<size_t>(n));
      return Got::bytes;
    }
    if (n == 0) return Got::eof;
    if (errno == ECONNRESET) return Got::reset;
    if (errno != EAGAIN && errno != EINTR) fail("recv failed");
    if (!wait_for(fd_.get(), POLLIN, deadline)) return Got::nothing;
  }
}

std::string RawClient::read_line(Duration patience) {
  TimePoint deadline = now() + patience;
  size_t searched = 0;
  for (;;) {
    size_t end = received_.find('\n', searched);
    if (end != std::string::npos) {
      last_line_ = received_.substr(0, end);
      received_.erase(0, end + 1);
      return last_line_;
    }
    searched = received_.size();
    switch (receive_some(deadline)) {
      case Got::bytes:
        break;
      case Got::eof:
        fail("EOF instead of a line");
      case Got::reset:
        fail("a reset connection instead of a line");
      case Got::nothing:
        fail("no line in time");
    }
  }
}

Message RawClient::read_message(Duration patience) {
  std::string line = read_line(patience);
  Decoded decoded = decode(line);
  if (auto* fault = std::get_if<Fault>(&decoded))
    fail("the hub sent no message of the wire: " + fault->message);
  return std::get<Message>(std::move(decoded));
}

void RawClient::expect_line(std::string_view exact) { CHECK(read_line() == exact); }

std::string RawClient::expect_line_with(std::string_view part) {
  std::string line = read_line();
  if (line.find(part) == std::string::npos) fail("expected a line with " + std::string(part));
  return line;
}

void RawClient::expect_eof() {
  if (!received_.empty()) fail("a line instead of EOF");
  switch (receive_some(now() + kPatience)) {
    case Got::bytes:
      fail("a line instead of EOF");
    case Got::eof:
      return;
    case Got::reset:
      fail("a reset connection instead of EOF");
    case Got::nothing:
      fail("no EOF in time");
  }
}

RawClient::Got RawClient::receive_to_end() {
  TimePoint deadline = now() + kPatience;
  for (;;) {
    Got got = receive_some(deadline);
    if (got == Got::nothing) fail("no end in time");
    if (got != Got::bytes) return got;
  }
}

std::vector<std::string> RawClient::expect_end() {
  receive_to_end();
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end = 0; (end = received_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(received_.substr(begin, end - begin));
  }
  received_.erase(0, begin);
  return lines;
}

void RawClient::expect_reset() {
  if (receive_to_end() != Got::reset) fail("EOF instead of a reset");
}

bool RawClient::quiet() { return received_.empty() && !wait_for(fd_.get(), POLLIN, now()); }

HelloAck RawClient::hello(const std::string& key, const std::vector<std::string>& types,
                          const std::string& more_members) {
  send_line(hello_line(key, types, more_members));
  return read_as<HelloAck>();
}

void RawClient::round_trip() {
  send_line(R"({"type":"pre_shutdown_check","event_key":"no-scope-of-this-connection"})");
  auto ack = read_as<PreShutdownAck>();
  CHECK_FALSE(ack.last_for_key);
}

void RawClient::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

void RawClient::close() { fd_.reset(); }

void RawClient::set_receive_buffer(int bytes) {
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::string hello_line(const std::string& key, const std::vector<std::string>& types,
                       const std::string& more_members) {
  Hello hello;
  hello.pid = ::getpid();
  hello.event_key = key;
  hello.event_types = types;
  std::string line = encode(hello);
  line.pop_back();
  if (!more_members.empty()) line.insert(line.size() - 1, "," + more_members);
  return line;
}

}  // namespace bus::test
