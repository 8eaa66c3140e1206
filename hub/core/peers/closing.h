// What a peer is told apart from what rooms say, and how its connection ends.
//
// A connection ends in three ways: with an answer, which it is given time to read; when all that waits for it
// is written, or its time for that is over; or at once. In each case the rooms let go of the peer first.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/peers.h"
#include "protocol/encode.h"
#include "protocol/fault.h"

namespace bus::hub {

class Room;

class Closing final : public OutgoingOwner, private Deadlines::Owner {
 public:
  Closing(Ledger& ledger, Deadlines& deadlines, Peers& peers)
      : ledger_(ledger), deadlines_(deadlines), peers_(peers) {}
  // The rooms let go of a peer, the last of them first. Once, before anything is closed.
  void begin(Delivery& delivery, std::span<Room* const> rooms);

  template <class T>
  void reply(Peer& peer, const T& message, TimePoint write_by = kNever) {
    reply_line(peer, encode(message), write_by);
  }
  void reply_line(Peer& peer, std::string line, TimePoint write_by);
  // An `error`; a connection that begins with a fault ends with it. `event_id`: of the event that it is
  // about.
  void answer_fault(Peer& peer, ErrorCode code, const std::string& message, TimePoint now,
                    std::string_view event_id = {});

  // The same, of a frame that came earlier.
  void answer_frame(Peer& peer, ErrorCode code, const std::string& message, uint64_t frame, TimePoint now,
                    std::string_view event_id = {});

  // The connection is not accepted: `denied` or `too_many`, and why.
  void refuse(Peer& peer, ErrorCode code, const std::string& reason, TimePoint now);
  // What was said last is what the connection ends with.
  void close_with_answer(Peer& peer, TimePoint now);
  void close_when_flushed(Peer& peer, TimePoint deadline);
  void close_now(Peer& peer, Notice::Kind why, std::string text);
  // The peer takes part no longer.
  void leave_rooms(Peer& peer);
  // The peer has gone.
  void forget(Peer& peer);
  // Whether a room has still something to come for the peer, which is not closed before: told when the peer leaves.
  static void owe(Peer& peer, Holder holder, bool owes);
  // Nothing more comes of that: when all say so, one that is to be closed is.
  void owes_nothing(Peer& peer, Holder holder, TimePoint now);

  // Sets the peer's deadline, after what it depends on has changed.
  void schedule(Peer& peer);

  // No new connections will come: every peer is closed when flushed, at most until `deadline`. Consumers are
  // told `farewell` first, unless it is empty.
  void stop(TimePoint deadline, std::string_view farewell);
  bool is_stopping() const { return stopping_; }

  // OutgoingOwner, and of use to others that have no memory for what a peer wants.
  void refused_memory(Outgoing& peer, Pool pool) override;

  uint64_t faults = 0;  // frames that were answered with `error`

 private:
  void output_changed(Outgoing& peer) override { peers_.mark_dirty(static_cast<Peer&>(peer)); }
  void lost_events(Outgoing& outgoing) override;
  void give_up(Outgoing& peer, Notice::Kind why, std::string text) override;
  void for_each(const std::function<void(Outgoing&)>& visit) override;
  void expired(Deadline& deadline, TimePoint now) override;

  Ledger& ledger_;
  Deadlines& deadlines_;
  Peers& peers_;
  Delivery* delivery_ = nullptr;
  std::span<Room* const> rooms_;
  bool stopping_ = false;
  std::array<bool, kPools> shortage_noticed_{};
};

}  // namespace bus::hub
