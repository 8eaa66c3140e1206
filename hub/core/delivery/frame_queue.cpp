#include "hub/core/delivery/frame_queue.h"

#include <algorithm>
#include <utility>

#include "hub/core/delivery/seq.h"

namespace bus::hub {

size_t FrameQueue::front_bytes(const Range& range) {
  size_t bytes = range.block->bytes_of(range.next, range.next + 1);
  return range.seq == 0 ? bytes : bytes + seq_bytes(range.seq, 1);
}

// The i-th frame of what is left in `range`.
void FrameQueue::append(std::string& out, const Range& range, size_t i) {
  const Block& block = *range.block;
  out += block.head(range.next + i);
  if (range.seq != 0) {
    char digits[kMaxSeqDigits];
    out += kSeqMember;
    out.append(digits, put_digits(digits, range.seq + i));
  }
  out += block.tail(range.next + i);
}

void FrameQueue::push(BlockPtr block, size_t first, size_t end, uint64_t seq) {
  auto count = static_cast<uint32_t>(end - first);
  bytes_ += block->bytes_of(first, end) + seq_bytes(seq, count);
  frames_ += count;
  events_ += count;
  ranges_.push_back(Range{std::move(block), static_cast<uint32_t>(first), static_cast<uint32_t>(end), seq});
}

void FrameQueue::push_line(BlockPtr line) {
  bytes_ += line->bytes_of(0, 1);
  ++frames_;
  ranges_.push_back(Range{std::move(line), 0, 1, 0});
}

FrameQueue::Taken FrameQueue::take(size_t most, bool behind_front) {
  if (behind_front) split_front();
  size_t at = behind_front ? 1 : 0;
  Range& range = ranges_[at];
  auto count = static_cast<uint32_t>(std::min<size_t>(most, range.end - range.next));
  bool are_events = range.seq != 0;
  bytes_ -= range.block->bytes_of(range.next, range.next + count);
  frames_ -= count;
  if (are_events) {
    bytes_ -= seq_bytes(range.seq, count);
    events_ -= count;
    range.seq += count;
  }
  range.next += count;
  if (range.next == range.end) ranges_.erase(at);
  return {count, are_events};
}

// Makes the front a range of its own, so that the one behind it is a front.
void FrameQueue::split_front() {
  Range& front = ranges_.front();
  if (front.end - front.next == 1) return;
  Range first{front.block, front.next, front.next + 1, front.seq};
  ++front.next;
  ++front.seq;
  ranges_.push_front(std::move(first));
}

void FrameQueue::isolate_front(Payers payers) {
  split_front();
  Range& front = ranges_.front();
  const Block& block = *front.block;
  std::string frame(block.head(front.next));
  frame += block.tail(front.next);
  front.block = block_of_line(frame, block.frames[front.next].seq_at, payers);
  front.next = 0;
  front.end = 1;
}

void FrameQueue::render(std::string& out, size_t i, size_t enough) const {
  for (size_t r = 0; r < ranges_.size(); ++r) {
    const Range& range = ranges_[r];
    size_t count = range.end - range.next;
    for (; i < count; ++i) {
      if (out.size() >= enough) return;
      append(out, range, i);
    }
    i -= count;
  }
}

}  // namespace bus::hub
