// What waits for one peer's socket: control replies in a lane of their own ahead (replies.h), then a bounded
// queue of events (frame_queue.h).
//
// When full of events it drops the OLDEST: a slow consumer sees the newest state, and the gap shows in `seq`
// (PROTOCOL.md 5). A frame that is partly written is never dropped. Does not write to sockets: delivery.cpp
// takes bytes by render() and reports what the socket took by advance(). Events that a socket takes at once
// never come here; they are only counted, by count_direct().
//
// At every instant received() == delivered() + queued() + dropped().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "hub/core/delivery/frame_queue.h"
#include "hub/core/delivery/replies.h"
#include "protocol/base/clock.h"

namespace bus::hub {

class Outbox {
 public:
  // Whether so many events of so many bytes, their seqs not counted, can be pushed and none has to be
  // dropped. If not, the caller tries to write first.
  bool has_room_for(size_t events, size_t bytes, const QueueLimits& limits) const;

  // Appends the events of `block` from `first` to before `end`, and stamps the next seqs. Returns how many
  // events were dropped to make room; never fails. What is partly written stays, so the queue may exceed its
  // limits by that one frame. O(dropped).
  size_t push_events(BlockPtr block, size_t first, size_t end, const QueueLimits& limits);

  // So many events of so many bytes went to the socket without waiting here, and got the next seqs. Nothing
  // may wait.
  void count_direct(size_t count, size_t bytes);
  // The same for one of which the socket took only the first `written` bytes: it is what is written next.
  void push_partial(BlockPtr block, size_t at, size_t written);

  // Appends a frame without seq if there is room, and evicts nothing (source_status). Returns whether it was
  // queued.
  bool push_best_effort(BlockPtr line, const QueueLimits& limits);

  // Drops the oldest frames until those that may be dropped have at most `bytes`. Returns how many events
  // were among them.
  size_t drop_to(size_t bytes);
  size_t droppable_bytes() const;

  // The event that is partly written and so cannot be dropped: its size, and the size of the memory that it
  // keeps. 0 when there is none.
  size_t partial_bytes() const { return partial_event_ ? waiting_.front_bytes() : 0; }
  size_t partial_holds() const { return partial_event_ ? waiting_.front_holds() : 0; }
  // Gives it memory of its own, of its own size.
  void isolate_partial(Payers payers);

  // Drops everything, also a partial event: for a connection that is closed, because whatever came behind
  // half a frame would be read as the rest of it.
  void forget();

  // Queues a control reply, for which replies() must have room.
  void push_reply(std::string line, TimePoint deadline) { replies_.push(std::move(line), deadline); }

  // Appends to `out` the next bytes for the socket, whole frames until `out` holds at least `want` bytes.
  void render(std::string& out, size_t want) const;

  // The socket took the first `written` bytes of what render() gave.
  void advance(size_t written);

  bool empty() const { return replies_.empty() && waiting_.empty(); }
  const Replies& replies() const { return replies_; }
  const FrameQueue& waiting() const { return waiting_; }

  uint64_t next_seq() const { return last_seq_ + 1; }
  uint64_t received() const { return last_seq_; }
  uint64_t delivered() const { return delivered_; }
  uint64_t delivered_bytes() const { return delivered_bytes_; }
  uint64_t dropped() const { return dropped_; }
  uint64_t queued() const { return waiting_.events(); }
  size_t queued_bytes() const { return waiting_.bytes(); }

 private:
  void drop_oldest(size_t most);

  Replies replies_;
  FrameQueue waiting_;
  uint64_t last_seq_ = 0;
  uint64_t delivered_ = 0;
  uint64_t delivered_bytes_ = 0;
  uint64_t dropped_ = 0;
  // Bytes already written of the partial frame: the front of `waiting_` if `partial_event_`, else of `replies_`.
  uint32_t partial_written_ = 0;
  bool partial_event_ = false;
};

}  // namespace bus::hub
