// A small, obvious hub to compare the core with, written from PROTOCOL.md 4 to 7.
//
// It is told what the core is told through CoreRig (a connection, bytes, an end of input, a hang-up, how much
// a socket takes, the time), and says byte for byte what each peer is sent, who is closed, and what status
// shows. It is slow and plain on purpose: every event is built and kept as a string for each consumer,
// everything is looked up by walking over all. Of hub/core it uses the configuration and the names of states,
// nothing that does something; of protocol/ it uses the codec, which has tests of its own.
//
// Where the page leaves the hub free, the model does what the core's headers promise: one entry is one turn,
// replies go ahead of the events of their turn, sources are replayed by name, those who join with others are
// all in the scope before the first of them is answered. Entries must be small enough for one turn.
//
// Copyable: a copy goes on by itself.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/hub_core.h"
#include "tests/support/messages.h"
#include "tests/unit/hub_core/model_event.h"
#include "tests/unit/hub_core/model_queue.h"

namespace bus::test {

class HubModel {
 public:
  // Ids are the core's, and grow from connection to connection.
  using Id = uint64_t;

  HubModel(const hub::HubConfig& config, TimePoint now)
      : config_(config), start_(now), now_(now), idle_since_(now) {}

  // What happens to it, as CoreRig does it to the core.
  void connect(Id id, uint32_t uid, int64_t pid);
  // `seen` is the core's status before, for what a status_response has and the model does not know.
  void send(Id id, std::string_view bytes, const StatusResponse& seen);
  void shut_down_writing(Id id);
  void hang_up(Id id);
  void set_room(Id id, size_t bytes);
  void advance(Duration d);
  // Time passes, and the hub does not get to look at its clock.
  void oversleep(Duration d) { now_ += d; }
  void begin_stop(TimePoint deadline);

  // What comes of it.
  bool is_open(Id id) const { return peers_.count(id) != 0; }
  std::string take_wire(Id id);
  bool is_consumer(Id id) const { return peers_.at(id).phase == Phase::consumer; }
  hub::ReadState read_state(Id id) const { return peers_.at(id).read_state; }
  hub::CloseState close_state(Id id) const { return peers_.at(id).close_state; }
  TimePoint next_deadline() const;
  std::vector<Id> due() const;
  bool idle() const;
  bool stop_requested() const { return stop_requested_; }
  // The peer was sent this line, which is an `interest`. When it is told is the hub's affair, but what it knows then is
  // not: returns what is wrong with the line.
  std::string hear_interest(Id id, const std::string& line);
  // What is wrong with all that the peer was told so far.
  std::string interest_fault(Id id) const;
  // What the log is told, in no particular order.
  std::vector<std::pair<hub::Notice::Kind, Id>> take_notices() { return std::exchange(notices_, {}); }
  // Calls of clean-up tasks.
  uint64_t cleanup_calls() const { return calls_without_provider_; }
  // Hellos that were refused because too many wait already.
  uint64_t crowded_out() const { return crowded_out_; }
  // Overwrites every member that PROTOCOL.md 7 tells how to count.
  void describe(StatusResponse& out) const;

 private:
  enum class Phase { handshake, waiting, consumer, source, client, anonymous, leaving };

  // Event ids seen lately.
  struct Ids {
    std::deque<std::pair<std::string, TimePoint>> in_order;  // oldest first
    std::set<std::string> known;

    void forget_oldest() {
      known.erase(in_order.front().first);
      in_order.pop_front();
    }
  };

  struct Peer {
    explicit Peer(ModelQueue::Limits limits) : out(limits) {}
    uint32_t uid = 0;
    int64_t kernel_pid = 0;
    Phase phase = Phase::handshake;
    hub::ReadState read_state = hub::ReadState::read;
    hub::CloseState close_state = hub::CloseState::stay;
    bool admitted = false;
    bool administers = false;
    bool takes_part = false;
    bool counts = false;
    TimePoint since;
    TimePoint close_deadline = kNever;
    bool fault_noticed = false;
    bool drop_noticed = false;
    std::string input;   // read and not handled yet
    std::string unread;  // in the socket
    bool ended = false;  // the socket's input, behind `unread`
    uint64_t frames_in = 0;
    ModelQueue out;

    int64_t pid = 0;
    Hello hello;
    std::map<std::string, uint64_t> told;  // of interest, by entry
    std::string scope;
    bool asked = false;  // whether it is the last of its scope
    bool said_bye = false;
    std::string source;  // its name, while it bears it
    uint64_t published = 0;
    bool tried_to_publish = false;  // an event, be it a repetition
    TimePoint last_event = kNever;
    Ids ids;

    int64_t shown_pid() const { return pid != 0 ? pid : kernel_pid; }
    bool is_source() const { return phase == Phase::source || phase == Phase::anonymous; }
    bool has_joined() const {
      return phase == Phase::consumer || phase == Phase::source || phase == Phase::client;
    }
  };

  struct Source {
    SourceState state = SourceState::connected;
    std::string detail;
    size_t connections = 0;
    int64_t pid = 0;
    int64_t kernel_pid = 0;
    uint32_t uid = 0;
    uint64_t published = 0;
    TimePoint last_event = kNever;
    Ids ids;
  };

  struct Scope {
    std::set<Id> consumers;
    std::vector<Id> waiters;
    Id holder = 0;
    TimePoint held_since;
  };

  struct Answer {
    Id id = 0;
    bool first = false;
    std::string refusal;  // empty: it may join
  };

  // Frames.
  void read(Id id);
  void handle_line(Id id, std::string_view line);
  void handle(Id id, const Message& message, std::string_view line);
  void refuse(Id id, ErrorCode code, const std::string& reason);
  bool find_place(Id id);
  void fault(Id id, ErrorCode code, const std::string& text, const std::string& event_id = {});
  void reply(Id id, const Message& message, TimePoint deadline);
  void reply_line(Id id, const std::string& line, TimePoint deadline);
  void publish(Id id, const Event& event, std::string_view line);
  bool is_repetition(Peer& peer, const std::string& event_id);
  static bool matches(const std::vector<std::string>& entries, const std::string& event_type);
  uint64_t interested_in(const std::string& entry) const;

  // Peers.
  void hello(Id id, const Hello& message);
  void answer_join(const Answer& answer);
  void become_source(Id id, const std::string& name);
  void become_client(Id id);
  void become(Peer& peer, Phase phase);
  bool check(Id id, const PreShutdownCheck& message);
  Answer admit(Id id, const std::string& name);
  void leave(Id id);
  void leave_scope(Id id);
  bool all_others_asked(const Scope& scope, Id id) const;
  void leave_source(Id id);
  void gone(Id id);
  void close_when_flushed(Id id, TimePoint deadline);
  void close_now(Id id, hub::Notice::Kind why);
  void report(const SourceStatus& status);
  void make_absent(const std::string& name);
  void broadcast(const SourceStatus& status);

  // Time, and what CoreRig does after each entry.
  TimePoint deadline_of(Id id) const;
  void expire(Id id);
  void settle();
  void serve();
  bool serve_one(Id id);
  void note(hub::Notice::Kind kind, Id id) { notices_.emplace_back(kind, id); }
  void note_drop(Id id, bool dropped);

  void describe_locks(StatusResponse& out) const;
  void describe_peers(StatusResponse& out) const;

  hub::HubConfig config_;
  TimePoint start_;
  TimePoint now_;
  TimePoint idle_since_;
  bool stopping_ = false;
  bool stop_requested_ = false;
  StatusResponse seen_;

  std::map<Id, Peer> peers_;
  std::map<Id, std::string> wire_of_gone_;
  std::map<std::string, Scope> scopes_;
  std::map<std::string, Source> sources_;
  std::deque<std::string> absent_;  // longest first
  std::deque<Answer> answers_;
  std::vector<Id> let_in_;  // in this entry
  std::map<std::string, uint64_t> unmatched_;
  StatusResponse::Events events_;  // what was delivered and dropped: of peers that are gone
  StatusResponse::Connections connections_;
  uint64_t calls_without_provider_ = 0;  // the hub's own; there are no others here
  std::vector<std::pair<hub::Notice::Kind, Id>> notices_;
  uint64_t crowded_out_ = 0;
};

}  // namespace bus::test
