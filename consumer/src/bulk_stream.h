// One-shot streams of bytes beside the hub (PROTOCOL.md 10): a socket in `streams/`, for one reader that
// knows its token.
//
// The socket's file goes with the object, or, if this process dies, with the next stream that is opened
// there.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::sdk {

// So long a stream waits for its reader.
inline constexpr seconds kStreamPatience{60};

class BulkStream {
 public:
  // In the directory of the hub's socket. Its reader must come within `patience`.
  //
  // Errors: denied    `streams` in it is not ours alone, or cannot be made
  //         too_long  the path does not fit a socket
  static Result<BulkStream> open(const std::string& directory, Duration patience = kStreamPatience);
  BulkStream(BulkStream&& other) noexcept
      : listener_(std::move(other.listener_)),
        path_(std::exchange(other.path_, {})),
        token_(std::move(other.token_)),
        ticket_(std::move(other.ticket_)),
        until_(other.until_) {}
  ~BulkStream();

  // {"stream":{"socket":…,"token":…}}
  const std::string& ticket() const { return ticket_; }

  // Waits for the reader and copies everything from `from` to it.
  //
  // Errors: timed_out  nobody came in time
  //         closed     the reader went away
  //         io         `from` cannot be read
  Result<void> send(int from);

 private:
  BulkStream() = default;
  Result<Fd> accept_reader();
  Result<bool> is_reader(int socket) const;

  Fd listener_;
  std::string path_;  // of the socket; empty: it is removed
  std::string token_;
  std::string ticket_;
  TimePoint until_;
};

// The reader's end of the stream that `ticket` names: a blocking descriptor.
//
// Errors: invalid      it is no ticket
//         unavailable  the stream is gone
//         denied       it is another user's
Result<Fd> receive_stream(std::string_view ticket);

}  // namespace bus::sdk
