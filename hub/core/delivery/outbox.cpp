#include "hub/core/delivery/outbox.h"

#include <algorithm>
#include <utility>

#include "hub/core/delivery/seq.h"
#include "protocol/base/check.h"

namespace bus::hub {

bool Outbox::has_room_for(size_t events, size_t bytes, const QueueLimits& limits) const {
  return !waiting_.exceeds(limits, events, bytes + seq_bytes(next_seq(), events));
}

size_t Outbox::push_events(BlockPtr block, size_t first, size_t end, const QueueLimits& limits) {
  if (first == end) return 0;
  waiting_.push(std::move(block), first, end, next_seq());
  last_seq_ += end - first;
  // The newest always stays, and so does the partial one.
  size_t kept = partial_event_ ? 2 : 1;
  uint64_t before = dropped_;
  while (waiting_.exceeds(limits, 0, 0) && waiting_.frames() > kept) {
    size_t too_many = waiting_.frames() > limits.frames ? waiting_.frames() - limits.frames : 1;
    drop_oldest(std::min(too_many, waiting_.frames() - kept));
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
  if (waiting_.exceeds(limits, 1, line->bytes_of(0, 1))) return false;
  waiting_.push_line(std::move(line));
  return true;
}

// Drops at least one frame, at most `most`, and never the partial one.
void Outbox::drop_oldest(size_t most) {
  FrameQueue::Taken taken = waiting_.take(most, partial_event_);
  if (taken.are_events) dropped_ += taken.frames;
}

size_t Outbox::droppable_bytes() const { return queued_bytes() - partial_bytes(); }

size_t Outbox::drop_to(size_t bytes) {
  uint64_t before = dropped_;
  while (droppable_bytes() > bytes) drop_oldest(1);
  return static_cast<size_t>(dropped_ - before);
}

void Outbox::forget() {
  replies_.clear();
  partial_event_ = false;
  partial_written_ = 0;
  drop_to(0);
}

void Outbox::isolate_partial(Payers payers) {
  BUSD_CHECK(partial_event_);
  waiting_.isolate_front(payers);
}

void Outbox::render(std::string& out, size_t want) const {
  size_t start = out.size();
  if (partial_event_) {
    waiting_.render(out, 0, start + 1);
    out.erase(start, partial_written_);
  }
  replies_.render(out, partial_event_ ? 0 : partial_written_, start + want);
  waiting_.render(out, partial_event_ ? 1 : 0, start + want);
}

void Outbox::advance(size_t written) {
  while (written > 0) {
    // The order of render(): the partial event, control replies, events.
    bool event = partial_event_ || replies_.empty();
    BUSD_CHECK(!event || !waiting_.empty());
    size_t size = event ? waiting_.front_bytes() : replies_.front_bytes();
    size_t left = size - partial_written_;
    if (written < left) {
      partial_written_ += static_cast<uint32_t>(written);
      partial_event_ = event;
      return;
    }
    written -= left;
    partial_written_ = 0;
    partial_event_ = false;
    if (!event) {
      replies_.pop_front();
    } else if (waiting_.take(1, false).are_events) {
      ++delivered_;
      delivered_bytes_ += size;
    }
  }
}

}  // namespace bus::hub
