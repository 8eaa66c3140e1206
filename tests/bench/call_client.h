// One raw connection to a busd that makes or serves calls, for trials (call_trials.h): lines to send, lines that came.
//
// Blocks where it says so, each time with a bound; knows no messages but provide and bus.sync.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/line_cutter.h"
#include "tests/bench/wire.h"

namespace bus::bench {

class CallClient {
 public:
  static Result<CallClient> connect(Contender& contender);

  int fd() const { return fd_.get(); }
  // Waits where the socket is full.
  Result<void> send(std::string_view lines) { return send_all(fd_.get(), lines); }
  // The next line, without its end. Waits for it.
  Result<std::string> line(Duration patience = kHandshakePatience);
  // Calls `on_line` (void(std::string_view)) for each line that is there, and does not wait. Error closed.
  template <class OnLine>
  Result<void> lines_there(OnLine on_line) {
    for (; !lines_.empty(); lines_.pop_front()) on_line(std::string_view(lines_.front()));
    BUSD_ASSIGN(std::string_view bytes, bytes_there());
    cutter_.take(bytes, [&](std::string_view line) {
      on_line(line);
      return true;
    });
    return {};
  }

  // Provides `task`, and waits until that is in force.
  Result<void> provide(std::string_view task, size_t slots);
  // Waits until the hub has handled all that was sent before. Other lines that come meanwhile are kept.
  Result<void> sync();
  // The result of a task of the hub.
  Result<std::string> ask(std::string_view task);

 private:
  explicit CallClient(Fd fd) : fd_(std::move(fd)) {}

  // What the socket has; none when it has none.
  Result<std::string_view> bytes_there();
  Result<void> wait(TimePoint until);

  Fd fd_;
  LineCutter cutter_;
  std::deque<std::string> lines_;  // not asked for yet
  std::string buffer_;
};

// Waits until one of the descriptors is readable, at most `patience`.
Result<void> wait_readable(const std::vector<int>& fds, Duration patience);

// A request of a caller; `more` stands before the arguments: ,"timeout_ms":5
std::string request_line(uint64_t id, std::string_view task, std::string_view args,
                         std::string_view more = {});
// The number by which a response, or whatever has one, is told from others; nothing when there is none.
std::optional<uint64_t> id_in(std::string_view line);
// The text of the member "id".
std::string_view id_text_in(std::string_view line);

}  // namespace bus::bench
