#include "hub/core/delivery/outbox.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "hub/core/delivery/seq.h"
#include "protocol/base/check.h"

namespace bus::hub {

size_t Outbox::front_bytes(const Range& range) {
  size_t bytes = range.block->bytes_of(range.next, range.next + 1);
  return range.seq == 0 ? bytes : bytes + seq_bytes(range.seq, 1);
}

// The i-th frame of what is left in `range`.
void Outbox::append(std::string& out, const Range& range, size_t i) {
  const Block& block = *range.block;
  out += block.head(range.next + i);
  if (range.seq != 0) {
    char digits[kMaxSeqDigits];
    out += kSeqMember;
    out.append(digits, put_digits(digits, range.seq + i));
  }
  out += block.tail(range.next + i);
}

bool Outbox::exceeds(const QueueLimits& limits, size_t more_frames, size_t more_bytes) const {
  return queued_frames_ + more_frames > limits.frames || queued_bytes_ + more_bytes > limits.bytes;
}

bool Outbox::has_room_for(size_t events, size_t bytes, const QueueLimits& limits) const {
  return !exceeds(limits, events, bytes + seq_bytes(next_seq(), events));
}

size_t Outbox::push_events(BlockPtr block, size_t first, size_t end, const QueueLimits& limits) {
  if (first == end) return 0;
  auto count = static_cast<uint32_t>(end - first);
  queued_bytes_ += block->bytes_of(first, end) + seq_bytes(next_seq(), count);
  queued_frames_ += count;
  queued_events_ += count;
  events_.push_back(
      Range{std::move(block), static_cast<uint32_t>(first), static_cast<uint32_t>(end), next_seq()});
  last_seq_ += count;
  // The newest always stays, and so does the partial one.
  size_t kept = partial_event_ ? 2 : 1;
  uint64_t before = dropped_;
  while (exceeds(limits, 0, 0) && queued_frames_ > kept) {
    size_t too_many = queued_frames_ > limits.frames ? queued_frames_ - limits.frames : 1;
    drop_oldest(std::min(too_many, queued_frames_ - kept));
  }
  return static_cast<size_t>(dropped_ - before);
}

void Outbox::count_direct(size_t count, size_t bytes) {
  BUSD_CHECK(empty());
  last_seq_ += count;
  delivered_ += count;
  delivered_bytes_ += bytes;
}

void Outbox::push_partial(BlockPtr block, size_t at, size_t written) {
  BUSD_CHECK(empty());
  push_events(std::move(block), at, at + 1, {1, SIZE_MAX});
  advance(written);
}

bool Outbox::push_best_effort(BlockPtr line, const QueueLimits& limits) {
  size_t bytes = line->bytes_of(0, 1);
  if (exceeds(limits, 1, bytes)) return false;
  queued_bytes_ += bytes;
  ++queued_frames_;
  events_.push_back(Range{std::move(line), 0, 1, 0});
  return true;
}

bool Outbox::has_room_for_control(size_t bytes) const {
  return control_.empty() || control_bytes_ + bytes <= kMaxControlBytes;
}

void Outbox::push_control(std::string line, TimePoint deadline) {
  BUSD_CHECK(has_room_for_control(line.size()));
  control_bytes_ += static_cast<uint32_t>(line.size());
  control_.push_back(Control{std::move(line), deadline});
}

size_t Outbox::take_front(size_t i, size_t most) {
  Range& range = events_[i];
  auto count = static_cast<uint32_t>(std::min<size_t>(most, range.end - range.next));
  queued_bytes_ -= range.block->bytes_of(range.next, range.next + count);
  queued_frames_ -= count;
  if (range.seq != 0) {
    queued_bytes_ -= seq_bytes(range.seq, count);
    queued_events_ -= count;
    range.seq += count;
  }
  range.next += count;
  if (range.next == range.end) events_.erase(i);
  return count;
}

// Drops at least one frame, at most `most`, and never the partial one.
void Outbox::drop_oldest(size_t most) {
  size_t oldest = 0;
  if (partial_event_) {
    split_partial();
    oldest = 1;
  }
  bool are_events = events_[oldest].seq != 0;
  size_t taken = take_front(oldest, most);
  if (are_events) dropped_ += taken;
}

// Makes the partial frame a range of its own, so that the one behind it is a front.
void Outbox::split_partial() {
  Range& front = events_.front();
  if (front.end - front.next == 1) return;
  Range partial{front.block, front.next, front.next + 1, front.seq};
  ++front.next;
  ++front.seq;
  events_.push_front(std::move(partial));
}

size_t Outbox::droppable_bytes() const { return queued_bytes_ - partial_bytes(); }

size_t Outbox::drop_to(size_t bytes) {
  uint64_t before = dropped_;
  while (droppable_bytes() > bytes) drop_oldest(1);
  return static_cast<size_t>(dropped_ - before);
}

void Outbox::forget() {
  control_.clear();
  control_bytes_ = 0;
  partial_event_ = false;
  partial_written_ = 0;
  drop_to(0);
}

size_t Outbox::partial_holds() const { return partial_event_ ? events_.front().block->held->bytes->size : 0; }

void Outbox::isolate_partial(Payers payers) {
  BUSD_CHECK(partial_event_);
  split_partial();
  Range& front = events_.front();
  const Block& block = *front.block;
  std::string frame(block.head(front.next));
  frame += block.tail(front.next);
  front.block = block_of_line(frame, block.frames[front.next].seq_at, payers);
  front.next = 0;
  front.end = 1;
}

void Outbox::render(std::string& out, size_t want) const {
  size_t start = out.size();
  if (partial_event_) {
    append(out, events_.front(), 0);
    out.erase(start, partial_written_);
  }
  size_t skip = partial_event_ ? 0 : partial_written_;
  for (size_t i = 0; i < control_.size(); ++i) {
    if (out.size() - start >= want) return;
    out.append(control_[i].line, skip);
    skip = 0;
  }
  for (size_t r = 0; r < events_.size(); ++r) {
    const Range& range = events_[r];
    for (size_t i = r == 0 && partial_event_ ? 1 : 0; i < range.end - range.next; ++i) {
      if (out.size() - start >= want) return;
      append(out, range, i);
    }
  }
}

void Outbox::advance(size_t written) {
  while (written > 0) {
    // The order of render(): the partial event, control replies, events.
    bool event = partial_event_ || control_.empty();
    BUSD_CHECK(!event || !events_.empty());
    size_t size = event ? front_bytes(events_.front()) : control_.front().line.size();
    size_t left = size - partial_written_;
    if (written < left) {
      partial_written_ += static_cast<uint32_t>(written);
      partial_event_ = event;
      return;
    }
    written -= left;
    partial_written_ = 0;
    partial_event_ = false;
    if (event) {
      if (events_.front().seq != 0) {
        ++delivered_;
        delivered_bytes_ += size;
      }
      take_front(0, 1);
    } else {
      control_bytes_ -= static_cast<uint32_t>(size);
      control_.pop_front();
    }
  }
}

TimePoint Outbox::control_deadline() const {
  for (size_t i = 0; i < control_.size(); ++i) {
    if (control_[i].deadline != kNever) return control_[i].deadline;
  }
  return kNever;
}

}  // namespace bus::hub
