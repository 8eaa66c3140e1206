// Bounded queue of what waits for one peer's socket: control replies in a slot of their own ahead, then
// events.
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

#include "hub/core/base/config.h"
#include "hub/core/base/ring.h"
#include "hub/core/delivery/block.h"
#include "protocol/base/clock.h"

namespace bus::hub {

// Control replies that a client leaves unread (PROTOCOL.md 4); a single reply may be larger (a
// status_response).
inline constexpr size_t kMaxControlBytes = 64 * 1024;

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

  // Whether a frame without seq has room.
  bool has_room_for_line(size_t bytes, const QueueLimits& limits) const { return !exceeds(limits, 1, bytes); }

  // Appends a frame without seq if there is room, and evicts nothing (source_status). Returns whether it was
  // queued.
  bool push_best_effort(BlockPtr line, const QueueLimits& limits);

  // Drops the oldest frames until those that may be dropped have at most `bytes`. Returns how many events
  // were among them.
  size_t drop_to(size_t bytes);
  size_t droppable_bytes() const;

  // The event that is partly written and so cannot be dropped: its size, and the size of the memory that it
  // keeps. 0 when there is none.
  size_t partial_bytes() const { return partial_event_ ? front_bytes(events_.front()) : 0; }
  size_t partial_holds() const;
  // Gives it memory of its own, of its own size.
  void isolate_partial(Payers payers);

  // Drops everything, also a partial event: for a connection that is closed, because whatever came behind
  // half a frame would be read as the rest of it.
  void forget();

  // Whether a control reply of this size may be queued: unread ones are bounded by kMaxControlBytes, but for
  // a single one.
  bool has_room_for_control(size_t bytes) const;

  // Queues a control reply, for which there must be room; `deadline` is when it must be fully written, kNever
  // for none.
  void push_control(std::string line, TimePoint deadline);

  // Appends to `out` the next bytes for the socket, whole frames until `out` holds at least `want` bytes.
  void render(std::string& out, size_t want) const;

  // The socket took the first `written` bytes of what render() gave.
  void advance(size_t written);

  bool empty() const { return control_.empty() && events_.empty(); }
  // When the oldest control reply that has a deadline must be written; kNever when there is none.
  TimePoint control_deadline() const;

  uint64_t next_seq() const { return last_seq_ + 1; }
  uint64_t received() const { return last_seq_; }
  uint64_t delivered() const { return delivered_; }
  uint64_t delivered_bytes() const { return delivered_bytes_; }
  uint64_t dropped() const { return dropped_; }
  uint64_t queued() const { return queued_events_; }
  size_t queued_bytes() const { return queued_bytes_; }
  // Memory of the control replies and their queue, with what the allocator adds to each.
  size_t control_memory() const {
    return control_bytes_ + control_.memory_bytes() + control_.size() * kControlOverheadBytes;
  }
  // Memory of the queue itself, without the frames.
  size_t ring_bytes() const { return events_.memory_bytes(); }

 private:
  static constexpr size_t kControlOverheadBytes = 32;

  // Frames of one block, in their order.
  struct Range {
    BlockPtr block;
    uint32_t next = 0;
    uint32_t end = 0;
    uint64_t seq = 0;  // of `next`; 0: a frame without seq
  };
  struct Control {
    std::string line;
    TimePoint deadline = kNever;
  };

  static size_t front_bytes(const Range& range);
  static void append(std::string& out, const Range& range, size_t i);
  bool exceeds(const QueueLimits& limits, size_t more_frames, size_t more_bytes) const;
  void drop_oldest(size_t most);
  void split_partial();
  // Takes the first frames of the i-th range out, at most `most`; returns how many.
  size_t take_front(size_t i, size_t most);

  Ring<Control> control_;
  Ring<Range> events_;
  size_t queued_bytes_ = 0;
  uint64_t last_seq_ = 0;
  uint64_t delivered_ = 0;
  uint64_t delivered_bytes_ = 0;
  uint64_t dropped_ = 0;
  uint32_t queued_frames_ = 0;  // events, and frames without seq
  uint32_t queued_events_ = 0;
  uint32_t control_bytes_ = 0;
  // Bytes already written of the partial frame: the front event if `partial_event_`, else the front control
  // reply.
  uint32_t partial_written_ = 0;
  bool partial_event_ = false;
};

}  // namespace bus::hub
