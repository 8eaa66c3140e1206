// One connection of a soak: what it sent, what came back, and whether that is right.
//
// Every line from the hub is looked at: whole, of a known kind, its seq above the last one, the events of
// each source in the order in which that source sent them, their payload as long as it says. Raw bytes over a
// non-blocking socket; who does what and when is the swarm's business (swarm.h).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/base/fd.h"
#include "tests/soak/ledger.h"

namespace bus::soak {

class Client {
 public:
  enum class Kind { consumer, source, anonymous };
  enum class Phase {
    greeting,  // hello is not answered; while somebody cleans up the scope, the hub does not
    up,
    half_closed,  // has shut down its writing side
    leaving,      // has said bye: the rest, then EOF
    over,
  };

  // Connected; an anonymous one says no hello. `id` is unique in the run, and the pid of its hello.
  Client(Fd socket, uint64_t id, Kind kind, Ledger& ledger);
  // Notes what it has read, if that was not done at its end.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void say_hello(const std::string& key, const std::string& types, const std::string& source);
  void publish(std::string_view type, size_t payload_bytes, bool with_id);
  // A line that is no JSON: answered `bad_json`.
  void send_garbage();
  // Asks about its own scope: who is told to be the last leaves at once, as clients do.
  void ask_for_last();
  // A round trip: once it is done, the hub has handled all before.
  void ask_for_nothing();
  void say_bye();
  void half_close();
  // Closes without a word, with whatever is unread.
  void die();

  // As the socket lets it; called when epoll says so, and after something was queued.
  void write();
  // Up to a bound, so that one does not keep the others waiting.
  void read();

  int fd() const { return socket_.get(); }
  uint64_t id() const { return id_; }
  Kind kind() const { return kind_; }
  Phase phase() const { return phase_; }
  const std::string& key() const { return key_; }
  bool stalled() const { return stalled_; }
  // Reads already, and the hub owes it nothing that must be read in time.
  bool may_stall() const { return !stalled_ && unanswered_ == 0 && garbage_ == 0; }
  void stall(bool on) { stalled_ = on; }
  bool has_unsent() const { return !out_.empty(); }
  // Questions that the hub has not answered.
  uint64_t unanswered() const { return unanswered_; }
  uint64_t events_read() const { return events_read_; }
  uint64_t last_seq() const { return last_seq_; }
  uint64_t gaps() const { return last_seq_ - events_read_; }

 private:
  void queue(std::string_view line, bool event);
  void take(std::string_view line);
  void take_event(std::string_view line);
  void take_ack(std::string_view line);
  void take_error(std::string_view line);
  void on_end(bool reset);
  void finish(bool clean);
  void violate(const std::string& what);

  Ledger& ledger_;
  Fd socket_;
  uint64_t id_;
  Kind kind_;
  Phase phase_;
  std::string key_;
  bool stalled_ = false;
  bool rejected_ = false;
  std::string out_;
  uint64_t queued_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  std::deque<uint64_t> event_ends_;  // where the event lines in `out_` end, in bytes queued
  std::string in_;                   // a line that has begun
  uint64_t published_ = 0;
  uint64_t garbage_ = 0;  // lines sent and not answered
  uint64_t unanswered_ = 0;
  uint64_t last_seq_ = 0;
  uint64_t events_read_ = 0;
  std::unordered_map<uint64_t, uint64_t> last_of_source_;
};

}  // namespace bus::soak
