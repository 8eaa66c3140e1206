// Everything between a frame and a socket: three lanes to each peer, and the order in which they are written.
//
//   reply   small answers. They go ahead of all else and are never dropped; a peer that leaves too many unread is
//           given up.
//   event   numbered by `seq`; when its queue is full a consumer loses the oldest. A notice shares that queue: it
//           has no seq, and is left out where there is no room.
//   feed    made while the socket has room, and only then. What waits is the feed's to bound, so a feed may be of
//           any size and makes nobody slow.
//
// Nothing is written when it is handed in. At the end of the turn each peer gets in one write what the turn
// had for it, so a thousand events cost one system call for each consumer. Three things decide the order:
//
//   - Peers with events come before peers with replies only. A reply is used as a flush by publishers: when it
//     arrives, the events that it confirms have been handed to the sockets of those that were not slow.
//   - Consumers that get the same events with the same seqs stand together, because they share one rendering.
//   - When the turn has been long enough, those that are left are deferred: they are the first of the next turn,
//     and until they are served the edge reads nothing (is_behind()), which would only make queues longer.
//
// Runs, streams and renderings are batch.h's and fanout.h's, and nobody else's. All that a caller must know
// is that the list that it gave to event() may not change before it has called subscribers_change(). Delivery
// knows peers by their Outgoing, and tells their owner what became of them; it knows no messages.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/base/config.h"
#include "hub/core/base/deadlines.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/delivery/fanout.h"
#include "hub/core/delivery/outgoing.h"
#include "hub/core/delivery/outgoing_owner.h"
#include "hub/core/delivery/reclaim.h"
#include "hub/core/delivery/writer.h"

namespace bus::hub {

class Delivery final : private Deadlines::Owner {
 public:
  Delivery(const HubConfig& config, Transport& transport, Ledger& ledger, TurnBudget& budget,
           Deadlines& deadlines, OutgoingOwner& owner);

  // A reply, one line with its LF; `write_by` is when it must have been written, kNever for no time.
  void reply(Outgoing& peer, std::string line, TimePoint write_by = kNever);

  // An event for all of `consumers`, which stays as it is until subscribers_change(). `frame` is its line
  // without seq, whose place is `seq_at`; it stays until the turn ends, as memory from keep() does.
  void event(const Subscribers& consumers, std::string_view frame, size_t seq_at);
  char* keep(size_t bytes) { return fanout_.keep(bytes); }
  // Before the list of the last event() changes.
  void subscribers_change();

  // A line without seq: to one peer, or to all, behind what they get before it and ahead of what comes after
  // it. `payers`: who is charged for it.
  void notice(Outgoing& peer, std::string_view line, Payers payers);
  void notice_all(const std::vector<Outgoing*>& peers, std::string_view line);
  bool has_room_for_notice(const Outgoing& peer, size_t bytes) const;

  // From now on the peer is written what `feed` gives, until that has no more. The feed lives as long.
  void feed(Outgoing& peer, Feed& feed);

  // The peer's socket has room again.
  void flush(Outgoing& peer);
  // Whether nothing waits for the peer any more; first writes what its socket takes.
  bool write_now(Outgoing& peer);
  // Whether something was handed in by event() in this turn.
  bool has_events() const { return fanout_.has_events(); }
  // Writes to all that something was handed in for, and to those that were deferred.
  void end_turn();
  // Whether peers wait for what earlier turns had no time to write.
  bool is_behind() const { return !deferred_.empty(); }

  // The peer has gone.
  void forget(Outgoing& peer);

 private:
  void expired(Deadline& deadline, TimePoint now) override;
  void will_write(Outgoing& peer);
  void serve_deferred();
  void defer(Outgoing& peer);
  void write_out(Outgoing& peer);
  void push_notice(Outgoing& peer, const BlockPtr& line);
  void queue_events(Outgoing& peer);
  void note_dropped(Outgoing& peer, size_t events);
  void update(Outgoing& peer);

  const QueueLimits& limits_;
  Ledger& ledger_;
  TurnBudget& budget_;
  Deadlines& deadlines_;
  OutgoingOwner& owner_;
  Writer writer_;
  Fanout fanout_;
  Reclaim reclaim_;
  const Subscribers* run_consumers_ = nullptr;  // of the open run
  std::vector<Outgoing*> unwritten_;            // written to at the end of this turn
  std::deque<Outgoing*> deferred_;              // those that earlier turns had no time for, in their order
};

}  // namespace bus::hub
