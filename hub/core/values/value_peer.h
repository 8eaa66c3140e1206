// What the room of values keeps for one peer: its watches, and the answers that wait for it.
//
// It is also the feed by which the peer is written both.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "hub/core/base/text_map.h"
#include "hub/core/peers/peer.h"
#include "hub/core/values/value_watches.h"

namespace bus::hub {

class ValueWriter;
struct ValuePeer;

struct PeerWatch final : ValueWatch {
  PeerWatch(WatchOrder order, ValuePeer& whose, std::string its_id, bool with_values)
      : ValueWatch(std::move(order)), peer(whose), id(std::move(its_id)), values(with_values) {}

  ValuePeer& peer;
  std::string id;
  bool values;
  bool is_queued = false;  // in peer.behind
  PoolCharge charge;
};

struct ValuePeer final : Part, Feed {
  ValuePeer(Peer& whose, ValueWriter& with) : peer(whose), writer(with) {}

  bool render(std::string& out, size_t want) override;
  Tail take_tail() override { return std::exchange(tail, {}); }
  std::optional<Pool> pool() const override { return Pool::replies; }

  Peer& peer;
  ValueWriter& writer;
  std::string frames;  // answers, whole frames, which go first
  PoolCharge frames_charge;
  TextMap<std::unique_ptr<PeerWatch>> watches;  // by id
  std::deque<PeerWatch*> behind;                // those that something waits for, in turns
  Tail tail;                                    // of what was rendered last
  bool feeding = false;                         // delivery asks render()
  bool has_left = false;                        // what it has asked for is still answered
};

}  // namespace bus::hub
