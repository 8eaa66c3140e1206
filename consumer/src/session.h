// A client that stays connected: gets a socket, says hello, and, when the connection breaks, comes back
// (PROTOCOL.md 4, 8).
//
// Joins the pure ClientCore to a Transport and owns all deadlines. What is published is publisher.h, what the
// items mean to the user is connection.h. Nothing here waits, except open(), wait(), and take() when it has
// to start a hub.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "consumer/src/api_result.h"
#include "consumer/src/autostart.h"
#include "consumer/src/client_core.h"
#include "consumer/src/transport.h"
#include "protocol/base/clock.h"
#include "protocol/endpoint.h"
#include "protocol/messages/hello.h"

namespace bus::sdk {

// While it reconnects, a client waits at most this long for a hub that it starts itself, although its host
// may be a loop that should not be held up: waiting without blocking would need a second state machine for
// the sake of some 20 ms that a hub takes to start, at most once for each pause between two attempts.
inline constexpr seconds kRestartPatience{2};

// First pause between two attempts; each next one is twice as long, up to SessionOptions::reconnect_max.
inline constexpr milliseconds kFirstPause{50};

struct SessionOptions {
  Endpoint endpoint;
  StartPolicy start;
  Hello hello;
  bool reconnect = true;
  Duration open_timeout = seconds(10);
  Duration reconnect_max = seconds(5);
  int cancel_fd = 0;  // readable: opening is to end; 0: none
};

// What it comes to that the hub at `where`, process `pid` (0: unknown), has turned us away.
ApiResult turned_away_result(const Item& item, const Endpoint& where, int64_t pid);

class Session {
 public:
  enum class State {
    down,      // no connection; the next attempt is at deadline()
    greeting,  // hello is said, the answer awaited
    up,
    over,  // for good; result() says why
  };
  // Connects, starting a hub if that is allowed, and says hello. Waits until the hub has accepted it. When that
  // is cancelled, a session that the hub has accepted all the same is opened nevertheless, so that it can leave
  // properly: see was_cancelled().
  static ApiResult open(SessionOptions options, std::unique_ptr<Session>& opened);

  // The next item, or nullptr: there is none until the socket is readable or the deadline has come, or it is
  // over(). Reads, sends and connects as far as that goes without waiting (but see kRestartPatience).
  Item* take();
  // What the last hello_ack said.
  bool first() const { return first_; }
  bool has_calls() const { return has_calls_; }
  bool has_values() const { return has_values_; }
  State state() const { return state_; }
  bool up() const { return state_ == State::up; }
  bool over() const { return state_ == State::over; }
  // Whether opening was cancelled.
  bool was_cancelled() const { return cancelled_; }
  // Why the last connection ended.
  const std::string& reason() const { return reason_; }
  // Why it is over.
  const ApiResult& result() const { return result_; }
  // Whether the end is that the hub gave the scope to somebody else.
  bool rejected() const { return rejected_; }

  // Waits at most kStatusTimeout for the answer to a hello that is sent already. Without an answer, takes the
  // hello back. Whether the hub has accepted it.
  bool await_answer();
  // Ends it from this side, with the result for whoever asks later.
  void end(ApiResult result);

  // Sends one control frame, behind what waits. When the hub takes nothing for kWriteTimeout, the connection
  // counts as broken: control frames are bounded on both sides (PROTOCOL.md 1). Events are not: they wait for
  // a slow hub.
  void send_control(std::string_view frame);

  Transport& transport() { return transport_; }
  const Transport& transport() const { return transport_; }
  const Hello& hello() const { return core_.hello(); }
  const Endpoint& endpoint() const { return options_.endpoint; }

  // When take() is to be called although the socket is silent; kNever: no need.
  TimePoint deadline() const;
  // Whether take() is to be called although nobody wants to read: it is no matter of reading, or of what was
  // read.
  bool must_act() const;
  // Waits until take() has something to do, or a wake-up, at most until `until`.
  Transport::Wait wait(TimePoint until);

 private:
  Session(SessionOptions options, Transport connection);

  ApiResult open_until(TimePoint deadline);
  Result<void> attempt(const StartPolicy& policy, TimePoint deadline, Duration patience);
  Item* try_again(TimePoint at);
  Item* take_inbound();
  Item* on_item(Item& item);
  Item* on_turned_away(const Item& item);
  Item* lost_connection(std::string reason);
  Item* own_item(ItemKind kind);
  std::string no_answer() const;
  void take_hello_back();
  void pause(TimePoint at);
  void watch_progress(TimePoint at);

  SessionOptions options_;
  ClientCore core_;
  Transport transport_;
  State state_ = State::down;
  Item own_item_;  // broken or reset
  std::string reason_;
  std::string farewell_;  // what the hub said before it closed the connection
  ApiResult result_;
  int64_t peer_pid_ = 0;  // who listened when the socket was connected; 0: unknown
  bool first_ = false;
  bool has_calls_ = false;
  bool has_values_ = false;
  bool rejected_ = false;
  bool opening_ = true;
  bool cancelled_ = false;
  TimePoint retry_at_ = TimePoint();
  Duration pause_ = kFirstPause;
  uint64_t control_end_ = 0;  // sent_bytes() when the last control frame is wholly sent
  uint64_t progress_ = 0;     // sent_bytes() when it was last seen to grow
  TimePoint stalled_at_ = kNever;
  std::minstd_rand random_;
};

}  // namespace bus::sdk
