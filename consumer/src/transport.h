// The socket of one client, and what one waits for: bytes, room to write, or a wake-up.
//
// One epoll descriptor stays the same for the life of the object while sockets come and go, so that a host's
// loop needs to watch only it. Knows that frames end with LF, nothing else of the protocol. Connecting is
// autostart.h, meaning client.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "consumer/src/send_buffer.h"
#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::sdk {

class Transport {
 public:
  enum class Read {
    data,     // some bytes
    nothing,  // none now
    end,      // the hub closed, or the connection failed
  };
  enum class Wait { ready, timed_out, woken };

  // Errors: io (out of descriptors).
  static Result<Transport> create();

  // Watches `socket` (non-blocking) from now on, in place of the one before; nothing waits to be sent on it.
  Result<void> attach(Fd socket);
  // Closes the socket. What waits to be sent stays, for unsent_frames(), until the next attach().
  void detach();
  bool attached() const { return static_cast<bool>(socket_); }

  // Appends `frames`, complete lines, to what waits to be sent.
  void queue(std::string_view frames) { out_.append(frames); }
  // What waits to be sent, for who writes such lines in place: only to be added to.
  SendBuffer& outgoing() { return out_; }
  // Sends what the socket takes. A failure is not reported here: what the hub had to say before is still to
  // be read, and the failure shows after it.
  void send_pending();
  size_t pending_bytes() const { return out_.size(); }
  // Whether the socket refused bytes when it was last asked.
  bool blocked() const { return blocked_; }
  // Whether nothing can be sent any more.
  bool write_failed() const { return failed_; }
  // Bytes taken by sockets so far.
  uint64_t sent_bytes() const { return sent_total_; }
  // The lines of which the hub cannot have seen the end.
  std::string_view unsent_frames() const { return out_.unsent_lines(); }
  void discard_unsent() { out_.clear(); }

  // Whether the other end has not yet read something that was sent to it.
  bool unread() const;

  // One read. `chunk` is good until the next one; at the end, `why` says how it came.
  Read read(std::string_view& chunk, std::string& why);

  // Whether what can be read is no reason to end a wait. Ends with the socket.
  void read_later(bool on);

  // Waits for the socket or a wake-up, at most until `deadline`. A wake-up from before ends it at once, too.
  Wait wait(TimePoint deadline);
  // Async-signal-safe, and from any thread.
  void wake() noexcept;

  // From now on, wait() is woken while `fd`, which stays the caller's, is readable; until forget_cancel().
  Result<void> watch_cancel(int fd);
  bool is_cancelled() const;
  void forget_cancel();

  // Readable when wait() would not wait.
  int poll_fd() const { return epoll_.get(); }

 private:
  Transport();
  void watch_room(bool on);
  void watch_again();

  Fd epoll_;
  Fd wake_;
  Fd socket_;
  int cancel_ = -1;
  std::unique_ptr<char[]> chunk_;
  size_t chunk_bytes_ = 0;
  size_t chunk_wanted_;  // from the next read on
  SendBuffer out_;
  bool blocked_ = false;
  bool failed_ = false;  // writing is over; reading tells
  bool read_later_ = false;
  uint64_t sent_total_ = 0;
};

}  // namespace bus::sdk
