// A client that stays connected: gets a socket, says hello, and, when the connection breaks, comes back
// (PROTOCOL.md 4, 8).
//
// Joins the pure ClientCore to a Connection and owns all deadlines. What the frames mean to a consumer or a
// source is consumer.h and source.h. Nothing here waits, except open(), wait(), and take() when it has to
// start a hub.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "consumer/src/autostart.h"
#include "consumer/src/client_core.h"
#include "consumer/src/connection.h"
#include "consumer/src/verdict.h"
#include "protocol/base/clock.h"
#include "protocol/endpoint.h"
#include "protocol/message.h"

namespace bus::sdk {

// While it reconnects, a client waits at most this long for a hub that it starts itself, although its host
// may be a loop that should not be held up: waiting without blocking would need a second state machine for
// the sake of some 20 ms that a hub takes to start, at most once for each pause between two attempts.
inline constexpr seconds kRestartPatience{2};

// First pause between two attempts; each next one is twice as long, up to ClientOptions::reconnect_max.
inline constexpr milliseconds kFirstPause{50};

struct ClientOptions {
  Endpoint endpoint;
  StartPolicy start;
  Hello hello;
  bool reconnect = true;
  Duration open_timeout = seconds(10);
  Duration reconnect_max = seconds(5);
};

class Client {
 public:
  enum class State {
    down,      // no connection; the next attempt is at deadline()
    greeting,  // hello is said, the answer awaited
    up,
    over,  // for good; verdict() says why
  };
  enum class Took {
    item,     // `item()`
    nothing,  // until the socket is readable or the deadline has come
    broke,    // up is over; reason(); reconnecting goes on
    back,     // up again; first()
    over,     // verdict(); from then on always
  };

  // Connects, starting a hub if that is allowed, and says hello. Waits until the hub has accepted it.
  static Verdict open(ClientOptions options, std::unique_ptr<Client>& opened);

  // The next thing that happened. Reads, sends and connects as far as that goes without waiting (but see
  // kRestartPatience).
  Took take();
  const Inbound& item() const { return *item_; }
  const std::string& reason() const { return reason_; }
  const Verdict& verdict() const { return verdict_; }
  // What the last hello_ack said.
  bool first() const { return first_; }
  State state() const { return state_; }
  bool up() const { return state_ == State::up; }
  // Whether the end is that the hub gave the scope to somebody else.
  bool rejected() const { return rejected_; }

  // Ends it from this side, with a verdict for whoever asks later.
  void end(Verdict verdict);

  // Sends one control frame, behind what waits. When the hub takes nothing for kWriteTimeout, the connection
  // counts as broken: control frames are bounded on both sides (PROTOCOL.md 1). Events are not: they wait for
  // a slow hub.
  void send_control(std::string_view frame);

  Connection& connection() { return connection_; }
  const Connection& connection() const { return connection_; }
  const Hello& hello() const { return core_.hello(); }
  const Endpoint& endpoint() const { return options_.endpoint; }

  // When take() is to be called although the socket is silent; kNever: no need.
  TimePoint deadline() const;
  // Waits until take() has something to do, or a wake-up, at most until `until`.
  Connection::Wait wait(TimePoint until);

 private:
  Client(ClientOptions options, Connection connection);

  Verdict open_until(TimePoint deadline);
  Result<void> attempt(const StartPolicy& policy, TimePoint deadline, Duration patience);
  Took try_again(TimePoint at);
  Took take_inbound();
  Took on_item();
  Took on_refused();
  Took lost_connection(std::string reason);
  std::string no_answer() const;
  void pause(TimePoint at);
  void watch_progress(TimePoint at);

  ClientOptions options_;
  ClientCore core_;
  Connection connection_;
  State state_ = State::down;
  const Inbound* item_ = nullptr;
  std::string reason_;
  std::string farewell_;  // what the hub said before it closed the connection
  Verdict verdict_;
  int64_t peer_pid_ = 0;  // who listened when the socket was connected; 0: unknown
  bool first_ = false;
  bool rejected_ = false;
  bool opening_ = true;
  TimePoint retry_at_ = TimePoint::min();
  Duration pause_ = kFirstPause;
  uint64_t control_end_ = 0;  // sent_bytes() when the last control frame is wholly sent
  uint64_t progress_ = 0;     // sent_bytes() when it was last seen to grow
  TimePoint stalled_at_ = kNever;
  std::minstd_rand random_;
};

}  // namespace bus::sdk
