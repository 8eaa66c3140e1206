#include "hub/core/outbox.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

namespace {

constexpr std::string_view kSeqMember = ",\"seq\":";

size_t digits_of(uint64_t n) {
  size_t digits = 1;
  for (; n >= 10; n /= 10) ++digits;
  return digits;
}

}  // namespace

size_t Outbox::wire_bytes(const Frame& frame, uint64_t seq) {
  return frame.bytes.size() + (seq == 0 ? 0 : kSeqMember.size() + digits_of(seq));
}

void Outbox::append(std::string& out, const Entry& entry) {
  const Frame& frame = *entry.frame;
  if (entry.seq == 0) {
    out += frame.bytes;
    return;
  }
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, entry.seq).ptr;
  out.append(frame.bytes, 0, frame.seq_at);
  out += kSeqMember;
  out.append(digits, end);
  out.append(frame.bytes, frame.seq_at);
}

bool Outbox::is_full_for(const Frame& frame, const QueueLimits& limits) const {
  return events_.size() + 1 > limits.frames ||
         queued_bytes_ + wire_bytes(frame, last_seq_ + 1) > limits.bytes;
}

size_t Outbox::push_event(FramePtr frame, const QueueLimits& limits) {
  size_t before = dropped_;
  size_t droppable_from = begun_event_ ? 1 : 0;
  while (is_full_for(*frame, limits) && events_.size() > droppable_from) drop_oldest_event();
  uint64_t seq = ++last_seq_;
  queued_bytes_ += wire_bytes(*frame, seq);
  ++queued_events_;
  events_.push_back(Entry{std::move(frame), seq});
  return dropped_ - before;
}

bool Outbox::push_best_effort(FramePtr frame, const QueueLimits& limits) {
  if (events_.size() + 1 > limits.frames || queued_bytes_ + wire_bytes(*frame, 0) > limits.bytes)
    return false;
  queued_bytes_ += wire_bytes(*frame, 0);
  events_.push_back(Entry{std::move(frame), 0});
  return true;
}

bool Outbox::has_room_for_control(size_t bytes) const {
  return control_.empty() || control_bytes_ + bytes <= kMaxControlBytes;
}

void Outbox::push_control(std::string line, TimePoint deadline) {
  BUSD_CHECK(has_room_for_control(line.size()));
  control_bytes_ += line.size();
  control_.push_back(Control{std::move(line), deadline});
}

void Outbox::drop_oldest_event() {
  size_t at = begun_event_ ? 1 : 0;
  const Entry& entry = events_[at];
  queued_bytes_ -= wire_bytes(*entry.frame, entry.seq);
  if (entry.seq != 0) {
    --queued_events_;
    ++dropped_;
  }
  events_.erase(at);
}

void Outbox::render(std::string& out, size_t want) const {
  size_t start = out.size();
  size_t next_event = 0;
  if (begun_event_) {
    append(out, events_[next_event++]);
    out.erase(start, begun_bytes_);
  }
  size_t skip = begun_event_ ? 0 : begun_bytes_;
  for (size_t i = 0; i < control_.size(); ++i) {
    if (out.size() - start >= want) return;
    out.append(control_[i].line, skip);
    skip = 0;
  }
  for (; next_event < events_.size() && out.size() - start < want; ++next_event)
    append(out, events_[next_event]);
}

void Outbox::pop_front() {
  const Entry& entry = events_.front();
  queued_bytes_ -= wire_bytes(*entry.frame, entry.seq);
  if (entry.seq != 0) {
    --queued_events_;
    ++delivered_;
  }
  events_.pop_front();
}

void Outbox::advance(size_t written) {
  while (written > 0) {
    // The order of render(): the event that was begun, control replies, events.
    bool event = begun_event_ || control_.empty();
    BUSD_CHECK(!event || !events_.empty());
    size_t size =
        event ? wire_bytes(*events_.front().frame, events_.front().seq) : control_.front().line.size();
    size_t left = size - begun_bytes_;
    if (written < left) {
      begun_bytes_ += written;
      begun_event_ = event;
      return;
    }
    written -= left;
    begun_bytes_ = 0;
    begun_event_ = false;
    if (event) {
      pop_front();
    } else {
      control_bytes_ -= size;
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
