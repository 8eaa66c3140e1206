// What the SDK's tests have in common: waiting for items with a bound, and a hub that follows a script.
#pragma once

#include <busd/consumer.hpp>
#include <fcntl.h>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

inline constexpr std::chrono::milliseconds kItemPatience{10'000};

inline std::string describe(const busd::Item& item) {
  if (item.is_event()) return "event " + std::string(item.event().payload());
  if (item.is_lost()) return "lost " + std::to_string(item.lost().count);
  if (item.is_break()) return "break";
  if (item.is_reset()) return item.first() ? "reset first" : "reset";
  if (item.is_refused()) {
    busd::Refusal refusal = item.refusal();
    return "refused " + std::to_string(refusal.publication) + " " + std::string(refusal.code);
  }
  if (item.is_source_status()) {
    auto status = item.source_status();
    return "source " + std::string(status.source) + " " + busd::name_of(status.state);
  }
  return "?";
}

// The next item in words; fails the test when none comes in time.
template <class Client>
std::string next_item(Client& client) {
  auto item = client.next(kItemPatience);
  if (!item) FAIL("no item, but: " << busd_result_name(item.error().result) << ": " << item.error().message);
  return describe(*item);
}

// Publishes and waits until the hub has processed it.
template <class Client>
void publish(Client& client, const std::string& type, const std::string& payload) {
  auto sent = client.publish(type, payload);
  INFO(sent.error().message);
  REQUIRE(sent);
  auto flushed = client.flush(kItemPatience);
  INFO((flushed ? "" : flushed.error().message));
  REQUIRE(flushed);
}

template <class T>
T opened(busd::Expected<T> handle) {
  if (!handle)
    FAIL("not opened: " << busd_result_name(handle.error().result) << ": " << handle.error().message);
  return std::move(*handle);
}

inline busd::Consumer open_consumer(busd::ConsumerOptions options) {
  return opened(busd::Consumer::open(std::move(options)));
}
inline busd::Source open_source(const busd::SourceOptions& options) {
  return opened(busd::Source::open(options));
}

// A consumer of events of type "t", unless others are named, that never starts a hub.
inline busd::ConsumerOptions consumer_options(const std::string& socket, const std::string& key,
                                              std::vector<std::string> types = {"t"}) {
  busd::ConsumerOptions options;
  options.key = key;
  options.event_types = std::move(types);
  options.socket = socket;
  options.no_start = true;
  return options;
}

inline busd::ConnectionOptions connection_options(const std::string& socket, const std::string& key,
                                                  std::vector<std::string> types = {"t"}) {
  busd::ConnectionOptions options;
  options.key = key;
  options.event_types = std::move(types);
  options.socket = socket;
  options.no_start = true;
  return options;
}
inline busd::Connection open_connection(busd::ConnectionOptions options) {
  return opened(busd::Connection::open(std::move(options)));
}

inline busd::Source source_for(const std::string& socket) {
  return open_source({.socket = socket, .no_start = true});
}

// One connection of a scripted hub. Runs in the script's thread, so it asserts nothing: what it saw is
// checked later.
class ScriptPeer {
 public:
  explicit ScriptPeer(Fd fd) : fd_(std::move(fd)) {
    timeval bound{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  }

  // "" at the end of the connection, or after 10 s.
  std::string line() {
    size_t end = 0;
    while ((end = got_.find('\n')) == std::string::npos) {
      char chunk[65536];
      ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (n <= 0) return "";
      got_.append(chunk, static_cast<size_t>(n));
    }
    std::string line = got_.substr(0, end);
    got_.erase(0, end + 1);
    return line;
  }
  void say(std::string_view line) {
    std::string all(line);
    all += '\n';
    for (size_t at = 0; at < all.size();) {
      ssize_t n = ::send(fd_.get(), all.data() + at, all.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<size_t>(n);
    }
  }
  void accept_hello(bool first = false) {
    line();
    say(std::string(R"({"type":"hello_ack","bus_version":"v1","first_for_key":)") +
        (first ? "true" : "false") + R"(,"capabilities":["patterns"]})");
  }
  // Until the client is gone.
  void wait_for_end() {
    while (!line().empty()) {
    }
  }

 private:
  Fd fd_;
  std::string got_;
};

// A hub that does what its script says: the n-th connection is handed to the n-th function, one after the
// other.
class ScriptedHub {
 public:
  using Script = std::vector<std::function<void(ScriptPeer&)>>;

  explicit ScriptedHub(Script script) {
    auto listener = listen_unix(socket(), 16);
    REQUIRE(listener);
    int flags = ::fcntl(listener->get(), F_GETFL);
    REQUIRE(::fcntl(listener->get(), F_SETFL, flags & ~O_NONBLOCK) == 0);
    timeval bound{10, 0};
    REQUIRE(::setsockopt(listener->get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound) == 0);
    listener_ = std::move(*listener);
    thread_ = std::thread([this, script = std::move(script)] {
      for (const auto& part : script) {
        Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd) return;
        ScriptPeer peer(std::move(fd));
        part(peer);
      }
    });
  }
  ~ScriptedHub() { finish(); }

  std::string socket() const { return directory_.file("bus.sock"); }
  // Waits for the end of the script; after it, what the script wrote down may be read.
  void finish() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  TempDir directory_;
  Fd listener_;
  std::thread thread_;
};

}  // namespace bus::test
