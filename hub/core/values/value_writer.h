// What peers are written of values: answers, and what their watches see.
//
// An answer is made when it is known. A watch's frames are made when the socket has room, and only then.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/room.h"
#include "hub/core/values/value_peer.h"

namespace bus::hub {

// The hub's own words about something that was asked.
struct ValueFault {
  std::string_view code;
  std::string message;
  std::string data;  // JSON; empty: none
};

class ValueWriter {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The answers that waited for the peer are written, or about to be.
    virtual void answers_taken(ValuePeer& peer) = 0;
    // The time of this entry, on the clock of the table.
    virtual TimePoint time() = 0;
  };

  ValueWriter(Hub& hub, ValueWatches& watches, Owner& owner) : hub_(hub), watches_(watches), owner_(owner) {}

  void set_epoch(std::string epoch) { epoch_ = std::move(epoch); }
  const std::string& epoch() const { return epoch_; }
  // Since which ages are counted, on the clock of the table.
  void set_clock(TimePoint clock) { clock_ = clock; }

  // ,"result":… and what is to stand in it.
  static std::string stale_data(const ValueEntry* entry);
  // Appends {"key":…}.
  void append_state(std::string& out, const ValueEntry& entry, bool with_value) const;

  // `result` is JSON; empty: the response has none, which stands for null.
  void respond(ValuePeer& to, std::string_view id, std::string_view result);
  void respond_to_change(ValuePeer& to, std::string_view id, uint64_t version, uint64_t rev, bool unchanged);
  void refuse(ValuePeer& to, std::string_view id, const ValueFault& fault);
  void wake(PeerWatch& watch);
  // Nothing more of it is written.
  static void forget(PeerWatch& watch);

  bool render(ValuePeer& peer, std::string& out, size_t want);
  // Whether so much waits for the peer that it is not read.
  static bool has_much_to_take(const ValuePeer& peer);
  // Peers for whose frames there was no memory, since the last call.
  std::vector<PeerId> take_overdrawn() { return std::exchange(overdrawn_, {}); }

 private:
  void queued(ValuePeer& to);
  void feed(ValuePeer& to);
  bool render_step(PeerWatch& watch, std::string& out, size_t& most);
  void append_value(std::string& out, const PeerWatch& watch, const WatchStep& step) const;
  void append_times(std::string& out, const ValueState& state) const;

  Hub& hub_;
  ValueWatches& watches_;
  Owner& owner_;
  std::string epoch_;
  TimePoint clock_{};
  std::vector<PeerId> overdrawn_;
};

}  // namespace bus::hub
