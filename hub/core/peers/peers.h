// Who is connected, and in which phase.
//
// Owns the peers and counts them. What a peer sends is input.h's, its hello handshake.h's, how its connection
// ends closing.h's, and whether it may come at all admission.h's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hub/core/base/notices.h"
#include "hub/core/base/slots.h"
#include "hub/core/peers/peer.h"

namespace bus::hub {

// The hub in three numbers.
struct Summary {
  size_t consumers = 0;
  size_t sources = 0;  // those without a name too
  uint64_t dropped = 0;
};

// What became of the events that were queued for consumers, since the hub's start.
struct DeliveryCounts {
  uint64_t delivered = 0;        // frames fully written to consumers' sockets
  uint64_t delivered_bytes = 0;  // of these
  uint64_t dropped = 0;          // frames evicted from consumers' queues
};

class Peers {
 public:
  Peers(Ledger& ledger, Notices& notices, TimePoint start)
      : ledger_(ledger), notices_(notices), unused_since_(start) {}
  ~Peers();

  Peer& add(uint32_t uid, TimePoint now);
  // All that it held goes. `in_handshake`: it was until now.
  void remove(Peer& peer, bool in_handshake, TimePoint now);
  Peer& get(PeerId id) const;
  Peer* find(PeerId id) const { return peers_.find(id); }
  size_t size() const { return peers_.size(); }
  template <class Visit>
  void for_each(Visit visit) const {
    peers_.for_each(visit);
  }
  // All, the oldest connection first.
  std::vector<const Peer*> oldest_first() const;
  // Consumers, in no order.
  const std::vector<Outgoing*>& consumers() const { return consumers_; }

  void set_phase(Peer& peer, Phase phase);
  // From now on the connection takes part; unless `background`, it is activity for idle exit.
  void take_part(Peer& peer, bool background);
  // Since when nobody that counts, or may yet, was connected; kNever while somebody is.
  TimePoint unused_since() const;

  // Whether the peer is not read, because what it has asked for is to be done, or taken by it, first.
  void hold(Peer& peer, Holder holder, bool held);

  // The edge has to look at the peer.
  void mark_dirty(Peer& peer);
  const std::vector<PeerId>& take_dirty();

  void notice(Notice::Kind kind, const Peer& peer, std::string text);
  // Of one that may have gone.
  void notice(Notice notice) { notices_.add(std::move(notice)); }
  const ConnectionCounts& counts() const { return notices_.counts; }

  Summary summary() const;
  // Another number whenever the summary is another.
  uint64_t changes() const { return changes_; }
  void note_loss() { ++changes_; }
  // Of all that are connected, and were. Looks at each connection.
  DeliveryCounts deliveries() const;
  // Consumers, sources, those without a name too, and clients.
  size_t active() const { return consumers_.size() + publishing_ + clients_; }

 private:
  Ledger& ledger_;
  Notices& notices_;
  Slots<Peer> peers_;
  std::vector<Outgoing*> consumers_;
  std::vector<Peer*> dirty_;
  std::vector<PeerId> dirty_ids_;  // what take_dirty() gave last
  size_t counting_ = 0;            // peers with `counts`
  size_t publishing_ = 0;          // peers that publish
  size_t clients_ = 0;             // peers in Phase::client
  size_t handshakes_ = 0;          // peers in Phase::handshake
  TimePoint unused_since_;
  uint64_t changes_ = 0;
  DeliveryCounts gone_;  // of peers that have gone
};

}  // namespace bus::hub
