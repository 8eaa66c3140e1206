// A client over raw bytes, without the SDK: what is sent and what came back are seen exactly as on the wire.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/fd.h"
#include "tests/support/child.h"
#include "tests/support/messages.h"

namespace bus::test {

class RawClient {
 public:
  // Fails the test when it cannot connect.
  explicit RawClient(const std::string& socket);
  // Over a connection that exists.
  explicit RawClient(Fd connected) : fd_(std::move(connected)) {}
  RawClient(RawClient&&) noexcept = default;
  RawClient& operator=(RawClient&&) noexcept = default;

  // All of `bytes`, as they are. Fails the test when the hub does not take them in time; a hub that closed
  // meanwhile is fine.
  void send(std::string_view bytes);
  // `line` and a LF.
  void send_line(std::string_view line);
  // What the socket takes at once; returns how much that was (0 when the hub is gone).
  size_t send_some(std::string_view bytes);

  // The next line without its LF; fails the test with what did arrive.
  std::string read_line(Duration patience = kPatience);
  // The next line, decoded. Fails the test when it is no message of the wire.
  Message read_message(Duration patience = kPatience);
  template <class T>
  T read_as() {
    Message message = read_message();
    const T* wanted = std::get_if<T>(&message);
    if (wanted == nullptr) fail("another message than expected arrived");
    return *wanted;
  }
  void expect_line(std::string_view exact);
  // The next line holds `part`; returns the line.
  std::string expect_line_with(std::string_view part);
  // Nothing but EOF; a reset is a failure.
  void expect_eof();
  // EOF or a reset, after whatever still comes; returns the lines that came before it.
  std::vector<std::string> expect_end();
  // A reset, after whatever still comes: the hub closed without having read all that was sent.
  void expect_reset();
  // Nothing has arrived that is not read: true at this instant, without waiting.
  bool quiet();

  // hello, and its ack. `types` empty: consumes nothing.
  HelloAck hello(const std::string& key, const std::vector<std::string>& types = {},
                 const std::string& more_members = "");
  // Returns once the hub has handled everything sent so far (a pre_shutdown_check for no scope of ours is
  // answered in order).
  void round_trip();

  void shutdown_write();
  void close();
  void set_receive_buffer(int bytes);
  int fd() const { return fd_.get(); }

 private:
  enum class Got { bytes, eof, reset, nothing };
  Got receive_to_end();
  Got receive_some(TimePoint deadline);
  [[noreturn]] void fail(const std::string& why) const;

  Fd fd_;
  std::string received_;  // not yet handed out
  std::string last_line_;
};

// The hello line of a consumer (without LF).
std::string hello_line(const std::string& key, const std::vector<std::string>& types = {},
                       const std::string& more_members = "");

}  // namespace bus::test
