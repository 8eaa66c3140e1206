// HubCore's inside, shared by the five files that implement it:
//
//   hub_core.cpp  the public face, input lines, time, settling after each entry
//   peers.cpp     a peer's life: handshake, scope, clean-up lock, leaving
//   publish.cpp   an event's life: checked, deduplicated, routed, added to the turn
//   delivery.cpp  a turn's end: written to those that take it, queued for those that do not
//   status.cpp    the snapshot
//
// Nothing else includes this.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/batch.h"
#include "hub/core/budget.h"
#include "hub/core/counters.h"
#include "hub/core/dedup.h"
#include "hub/core/hub_core.h"
#include "hub/core/key_registry.h"
#include "hub/core/outbox.h"
#include "hub/core/router.h"
#include "hub/core/slots.h"
#include "hub/core/sources.h"
#include "protocol/frame.h"
#include "protocol/line_reader.h"
#include "protocol/message.h"

namespace bus::hub {

enum class Phase : uint8_t {
  handshake,  // no complete frame yet
  waiting,    // its hello waits for a clean-up lock; what it sent after it is kept unread
  consumer,
  source,
  anonymous,  // published without a hello
  leaving,    // bye, shutdown, EOF or a fatal fault: what is queued is flushed, then it is closed
};

// What a connection has published, from its first event on.
struct Publications {
  uint64_t count = 0;
  TimePoint last = kNever;
  DedupWindow dedup;  // of a source without a name
};

// Most connections are consumers that wait for events: what is here is paid for by each of them.
struct Peer : Subscriber {
  PeerId id = 0;
  int32_t kernel_pid = 0;
  uint32_t uid = 0;
  Batch::StreamId stream = 0;  // what it gets of this turn
  Phase phase = Phase::handshake;
  ReadState read_state = ReadState::read;
  CloseState close_state = CloseState::stay;
  bool admitted = false;       // holds a place of max_connections
  bool administers = false;    // holds one of kAdministrativePlaces
  bool from_reserve = false;   // Supply::reserve
  bool beyond_pool = false;    // its reply is one of those that are kept beside the pool
  bool answered = false;       // by what its connection ends with
  bool counts = false;         // as activity, for idle exit
  bool dirty = false;          // is in dirty_
  bool unwritten = false;      // is in unwritten_
  bool deferred = false;       // is in deferred_
  bool socket_full = false;    // its socket refused bytes, and has not said since that there is room
  bool fault_noticed = false;  // its first fault was logged
  bool drop_noticed = false;   // its first loss was logged
  bool exclusive = false;
  bool said_bye = false;
  bool backlog = false;                   // the reader has more, for resume()
  bool waits = false;                     // for a clean-up lock
  bool input_is_handshaking = false;      // which pool input_charged is of
  uint32_t read_bytes = kFirstReadBytes;  // what its next read may bring
  // What it is charged for.
  uint32_t input_charged = 0;
  uint32_t replies_charged = 0;
  uint32_t queue_charged = 0;
  uint32_t subscription_charged = 0;
  Account* account = nullptr;
  uint64_t frames_in = 0;
  uint64_t asked_in_turn = 0;     // the turn in which its socket refused bytes last
  TimePoint since;                // its connection, then its hello
  TimePoint lock_since = kNever;  // holds its scope's clean-up lock since then
  TimePoint close_deadline = kNever;
  TimePoint scheduled = kNever;  // its entry in deadlines_
  LineReader reader;
  Outbox outbox;

  // Consumer (from `waiting` on; `scope` is empty when it is in none).
  int64_t pid = 0;  // as it said in hello
  std::string key;
  std::string subscription_id;
  std::vector<std::string> event_types;
  std::string_view scope;  // one of the two
  size_t consumer_at = 0;  // its place in consumers_

  // Source, or whatever has published.
  NamedSource* named = nullptr;
  std::unique_ptr<Publications> publications;
};

class HubCore::Impl {
 public:
  Impl(HubConfig config, Transport& edge, TimePoint start);
  ~Impl();

  // hub_core.cpp
  PeerId open(const Credentials& credentials, TimePoint now, Supply supply);
  void receive(PeerId id, std::string_view chunk, TimePoint now);
  void end_of_input(PeerId id, TimePoint now);
  void gone(PeerId id, TimePoint now);
  TimePoint next_deadline();
  std::vector<PeerId> due(TimePoint now) const;
  void tick(TimePoint now, const std::vector<PeerId>& due);
  void resume(PeerId id, TimePoint now);
  void begin_stop(TimePoint deadline, std::string_view farewell);
  bool idle(TimePoint now) const;
  // delivery.cpp
  void flush(PeerId id);
  // status.cpp
  StatusResponse status(TimePoint now) const;
  Summary summary() const;

  Peer& peer(PeerId id);
  const Peer& peer(PeerId id) const;
  bool is_behind() const { return !deferred_.empty(); }
  size_t peer_count() const { return peers_.size(); }

  // Public inside the core: the public face reads them.
  std::vector<Peer*> dirty_;
  std::vector<PeerId> dirty_ids_;  // what take_dirty() gave last
  std::vector<Notice> notices_;
  bool stop_requested_ = false;
  uint64_t changes_ = 0;

 private:
  // hub_core.cpp
  bool is_admitted(const Credentials& credentials) const;
  // Why there is no place for the peer; empty when there is one.
  std::string crowd_around(const Peer& peer) const;
  void admit(Peer& peer);
  void refuse(Peer& peer, ErrorCode code, const std::string& reason, TimePoint now);
  bool take_administrative_place(Peer& peer);
  void leave_administrative_place(Peer& peer);
  bool is_administrative(FrameKind kind) const;
  bool find_place(Peer& peer, TimePoint now);
  void read_lines(Peer& peer, std::string_view chunk, TimePoint now);
  // `stays`: the line, and its LF, stay in place until the turn ends.
  bool defer(Peer& peer);
  static void adapt_reads(Peer& peer, size_t chunk);
  void charge_input(Peer& peer);
  void refuse_unfinished(Peer& peer, TimePoint now);
  void handle_line(Peer& peer, std::string_view line, bool stays, TimePoint now);
  void note_odd_member(const Peer& peer);
  void handle_message(Peer& peer, Message& message, TimePoint now);
  void fault(Peer& peer, ErrorCode code, const std::string& message, TimePoint now,
             std::string_view event_id = {});
  void reply(Peer& peer, const Message& message, TimePoint deadline);
  void reply_line(Peer& peer, std::string line, TimePoint deadline);
  void answer_status(Peer& peer, TimePoint now);
  // What was said last is what the connection ends with.
  void close_with_answer(Peer& peer, TimePoint now);
  void close_when_flushed(Peer& peer, TimePoint deadline);
  void close_now(Peer& peer, Notice::Kind why, std::string text);
  // `pool` has no room for what the peer asks.
  void note_shortage(const Peer& peer, Pool pool);
  std::string shortage_of(const Peer& peer, Pool pool, size_t bytes) const;
  void mark_dirty(Peer& peer);
  void set_phase(Peer& peer, Phase phase);
  void notice(Notice::Kind kind, const Peer& peer, std::string text);
  void finish_entry(TimePoint now);
  void schedule(Peer& peer);
  TimePoint deadline_of(const Peer& peer) const;
  void expire(Peer& peer, TimePoint now);

  // peers.cpp
  HelloAck hello_ack(bool first) const;
  void hello(Peer& peer, Hello& message, TimePoint now);
  void become_source(Peer& peer, const Hello& message, TimePoint now);
  void become_anonymous(Peer& peer);
  void reject(Peer& peer, const std::string& reason, TimePoint now);
  void stop_waiting(Peer& peer);
  void answer_join(Peer& peer, const KeyRegistry::Answer& answer, TimePoint now);
  void pre_shutdown_check(Peer& peer, const PreShutdownCheck& message, TimePoint now);
  void start_counting(Peer& peer);
  // Ends all that ties the peer to others: routes, scope, source name. What is queued for it stays.
  void leave_tables(Peer& peer);
  void leave_scope(Peer& peer);
  void source_status(const SourceStatus& status);
  void add_consumer(Peer& peer);
  void remove_consumer(Peer& peer);

  // publish.cpp
  // The event in line_. `line` is what it was scanned from, with its LF, if that stays in place until the
  // turn ends; else empty.
  void publish(Peer& peer, std::string_view line, TimePoint now);
  bool is_duplicate(Peer& peer, TimePoint now);
  bool forget_event_ids();

  // delivery.cpp
  void close_run();
  void end_turn();
  bool turn_is_over();
  void serve_deferred();
  void defer_writing(Peer& peer);
  void write_out(Peer& peer);
  bool write_queue(Peer& peer, size_t most, size_t first);
  bool ask_socket(Peer& peer, const std::function<bool()>& enough = {});
  void prepare_share(size_t first);
  size_t send_shared(Peer& peer);
  void write_stream(Peer& peer, Batch::StreamId stream);
  void queue_stream(Peer& peer, Batch::StreamId stream, size_t skip);
  size_t write(Peer& peer, std::string_view bytes);
  void note_write(Peer& peer, bool took_all);
  void will_write(Peer& peer);
  void broadcast(const SourceStatus& status);
  void push_status(Peer& peer, const BlockPtr& line);
  void tell_sources(Peer& peer);
  // What the peer's queue and replies take now.
  void charge_output(Peer& peer);
  void reclaim();
  void reclaim_of(const Account& account);
  void release_partial(const Account& account);
  void note_drops(Peer& peer, size_t dropped);

  HubConfig config_;
  Transport& transport_;
  Ledger ledger_;
  TimePoint start_;
  TimePoint idle_since_;
  uint64_t turn_number_ = 1;
  bool stopping_ = false;

  Slots<Peer> peers_;
  Router router_;
  KeyRegistry registry_;
  SourceTable sources_;
  // What was delivered and dropped is that of peers that are gone; status() adds the others.
  StatusResponse::Events events_;
  StatusResponse::Connections connections_;
  UnmatchedTypes unmatched_;

  std::vector<Peer*> consumers_;
  size_t counting_ = 0;        // peers with `counts`
  size_t publishers_ = 0;      // peers in Phase::source and Phase::anonymous
  size_t handshakes_ = 0;      // peers in Phase::handshake
  size_t admitted_ = 0;        // peers with `admitted`
  size_t administrators_ = 0;  // peers with `administers`
  size_t waiting_ = 0;         // peers with `waits`
  std::array<bool, kPools> shortage_noticed_{};
  std::set<std::pair<TimePoint, PeerId>> deadlines_;
  std::deque<KeyRegistry::Answer> answers_;  // of a lock that was released, not yet told

  // What this turn has cost so far: looks at a consumer, and peers that were written to.
  size_t cost_ = 0;
  size_t unchecked_ = 0;
  bool out_of_time_ = false;  // the edge says that it is long enough
  bool queued_in_turn_ = false;

  // The turn: its events, who gets those of its open run, and who has to be written to when it ends.
  Batch batch_;
  const Router::List* run_consumers_ = nullptr;
  std::vector<Peer*> unwritten_;
  std::deque<Peer*> deferred_;  // those that earlier turns had no time for
  // Those of unwritten_, from the one being written to on, that a rendering is shared with.
  size_t sharing_ = 0;
  const Batch::Rendering* shared_ = nullptr;
  char* shared_digits_ = nullptr;
  std::vector<std::string_view> whole_;

  // Scratch, reused so that an event costs no allocation.
  FrameScanner scanner_;
  EventLine line_;  // the event that was scanned last
  std::string out_;
};

}  // namespace bus::hub
