// Frames that wait for one peer's socket, oldest first, as ranges of shared blocks: events with their seqs, and
// lines without.
//
// Counts what waits, and takes frames out at the front or just behind it. Decides nothing: what is dropped, and
// what is partly written, is Outbox's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "hub/core/base/config.h"
#include "hub/core/base/ring.h"
#include "hub/core/delivery/block.h"

namespace bus::hub {

class FrameQueue {
 public:
  bool empty() const { return ranges_.empty(); }
  size_t frames() const { return frames_; }
  size_t events() const { return events_; }
  // As they go over the wire.
  size_t bytes() const { return bytes_; }
  // Whether it would have more than the limits allow, with so much more.
  bool exceeds(const QueueLimits& limits, size_t more_frames, size_t more_bytes) const {
    return frames_ + more_frames > limits.frames || bytes_ + more_bytes > limits.bytes;
  }

  // Appends the events of `block` from `first` to before `end`, of which there is one; `seq` is the first one's.
  void push(BlockPtr block, size_t first, size_t end, uint64_t seq);
  // Appends a frame without seq.
  void push_line(BlockPtr line);

  size_t front_bytes() const { return front_bytes(ranges_.front()); }
  // The size of the memory that the front keeps.
  size_t front_holds() const { return ranges_.front().block->held->bytes->size; }
  // Gives the front, an event, memory of its own, of its own size.
  void isolate_front(Payers payers);

  // Takes out frames of one kind, at least one and at most `most`, from the front or from behind it.
  struct Taken {
    size_t frames = 0;
    bool are_events = false;
  };
  Taken take(size_t most, bool behind_front);

  // Appends whole frames from the i-th on, until `out` has at least `enough`.
  void render(std::string& out, size_t i, size_t enough) const;

  // Memory of the queue itself, without the frames.
  size_t memory_bytes() const { return ranges_.memory_bytes(); }

 private:
  // Frames of one block, in their order.
  struct Range {
    BlockPtr block;
    uint32_t next = 0;
    uint32_t end = 0;
    uint64_t seq = 0;  // of `next`; 0: a frame without seq
  };

  static size_t front_bytes(const Range& range);
  static void append(std::string& out, const Range& range, size_t i);
  void split_front();

  Ring<Range> ranges_;
  size_t bytes_ = 0;
  uint32_t frames_ = 0;
  uint32_t events_ = 0;
};

}  // namespace bus::hub
