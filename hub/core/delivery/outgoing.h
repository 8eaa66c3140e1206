// What delivery knows of one peer: its queue, its feeds, and how far its socket is. A base of Peer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/base/deadlines.h"
#include "hub/core/base/router.h"
#include "hub/core/base/transport.h"
#include "hub/core/delivery/batch.h"
#include "hub/core/delivery/outbox.h"
#include "protocol/base/shared_text.h"

namespace bus::hub {

// Frames that are made while a socket has room, and only then: what waits is the feed's to bound.
class Feed {
 public:
  virtual ~Feed() = default;
  // Appends whole frames to `out`, until there are about `want` bytes or nothing more for now. Whether there
  // is more.
  virtual bool render(std::string& out, size_t want) = 0;
  // What follows what render() gave last, and is held by its text instead of copied: many may be given the same. Once.
  struct Tail {
    SharedText text;  // none: nothing follows
    std::string_view end;
  };
  virtual Tail take_tail() { return {}; }
  // Of which pool the frames are until the socket has taken them; none: they are beside the pools.
  virtual std::optional<Pool> pool() const = 0;
};

struct Outgoing : Subscriber {
  PeerId id = 0;
  Account* account = nullptr;
  Outbox outbox;
  bool socket_full = false;  // the socket refused bytes, and nobody has said since that it has room
  bool abandoned = false;    // nothing more is written to it: its connection is to be closed at once

  struct Fed {
    std::vector<Feed*> feeds;  // those that have more, in turns
    std::string
        bytes;  // what the last of them gave: whole frames with the tail, of which `written` bytes have gone
    Feed::Tail tail;
    size_t written = 0;
    PoolCharge charge;  // for `bytes`

    bool is_partial() const { return written > 0; }
    // The next piece to be written; empty: all is.
    std::string_view rest() const;
  };

  // Whether something waits for its socket.
  bool has_output() const { return !outbox.empty() || is_fed(); }

  // Whether a feed has more, or what it gave waits.
  bool is_fed() const { return fed != nullptr && (!fed->feeds.empty() || !fed->bytes.empty()); }

  // Delivery's own from here on.
  std::unique_ptr<Fed> fed;    // of those that were ever fed
  Batch::StreamId stream = 0;  // what it gets of this turn
  bool unwritten = false;      // is written to at the end of this turn
  bool deferred = false;       // is written to in a later turn, as this one has no time
  uint64_t asked_in_turn = 0;  // the turn in which its socket refused bytes last
  // Until when its oldest reply that has a time is to be written.
  RareDeadline<Outgoing> write_by;
  PoolCharge queue_charge;
  PoolCharge reply_charge;
};

// What the peer's queue and replies hold now.
inline void update_charges(Outgoing& peer) {
  peer.queue_charge.set(*peer.account, Pool::queues, peer.outbox.waiting().memory_bytes());
  peer.reply_charge.set(*peer.account, Pool::replies, peer.outbox.replies().memory_bytes());
}

}  // namespace bus::hub
