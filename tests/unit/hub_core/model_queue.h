// What waits for one peer's socket, as PROTOCOL.md 4 and 5 promise it: whole lines, one behind the other.
//
// Part of the model (model.h): as plain as it can be, and nothing of hub/core is used here. Each line is a
// string of its own, each drop looks at every byte count anew, nothing is shared or deferred.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "protocol/base/clock.h"

namespace bus::test {

class ModelQueue {
 public:
  struct Limits {
    size_t frames = 0;
    size_t bytes = 0;
  };
  struct Reply {
    std::string line;
    TimePoint deadline = kNever;
  };
  struct Frame {
    std::string line;
    bool is_event = true;  // else a source_status: no seq, not counted
  };

  explicit ModelQueue(Limits limits) : limits_(limits) {}

  // The socket takes `bytes` more.
  void set_room(size_t bytes) { room_ = bytes; }
  // What the socket took since the last call.
  std::string take_wire() { return std::exchange(wire_, {}); }

  bool empty() const { return replies_.empty() && frames_.empty() && turn_.empty(); }

  // Writes while the socket takes something: the partial frame, then replies, then frames.
  void write() {
    while (room_ > 0 && !(replies_.empty() && frames_.empty())) {
      bool is_frame = frame_is_partial_ || replies_.empty();
      const std::string& line = is_frame ? frames_.front().line : replies_.front().line;
      size_t taken = std::min(room_, line.size() - partial_bytes_);
      wire_.append(line, partial_bytes_, taken);
      if (room_ != SIZE_MAX) room_ -= taken;
      partial_bytes_ += taken;
      frame_is_partial_ = is_frame;
      if (partial_bytes_ < line.size()) return;
      partial_bytes_ = 0;
      frame_is_partial_ = false;
      if (!is_frame) {
        replies_.pop_front();
      } else {
        if (frames_.front().is_event) {
          ++delivered_;
          delivered_bytes_ += line.size();
        }
        frames_.pop_front();
      }
    }
  }

  // Numbers an event that matches; it is written or queued when the turn ends, at the latest.
  uint64_t next_seq() const { return received_ + 1; }
  void add_event(std::string line) {
    ++received_;
    turn_.push_back(std::move(line));
  }

  // The events of the turn so far join the queue. Returns whether something was dropped: only when there is
  // no room for all of them, and then not before the socket was asked.
  bool queue_turn() {
    if (turn_.empty()) return false;
    size_t bytes = 0;
    for (const std::string& line : turn_) bytes += line.size();
    bool has_room = fits(turn_.size(), bytes);
    if (!has_room) write();
    for (std::string& line : turn_) frames_.push_back({std::move(line), true});
    turn_.clear();
    if (has_room) return false;
    write();
    return drop_oldest();
  }

  // Returns whether something was dropped.
  bool end_turn() {
    write();
    bool dropped = queue_turn();
    write();
    return dropped;
  }

  // A source_status, where there is room. Returns whether there was.
  bool add_best_effort(const std::string& line) {
    if (!fits(1, line.size())) return false;
    frames_.push_back({line, false});
    return true;
  }

  // Unread replies are bounded, but for a single one. Returns whether it was queued.
  bool add_reply(const std::string& line, TimePoint deadline) {
    constexpr size_t kMostUnread = 64 * 1024;
    auto fits_in = [&] { return replies_.empty() || reply_bytes() + line.size() <= kMostUnread; };
    if (!fits_in()) write();
    if (!fits_in()) return false;
    replies_.push_back({line, deadline});
    return true;
  }

  TimePoint reply_deadline() const {
    TimePoint first = kNever;
    for (const Reply& reply : replies_) first = std::min(first, reply.deadline);
    return first;
  }

  uint64_t received() const { return received_; }
  uint64_t delivered() const { return delivered_; }
  uint64_t delivered_bytes() const { return delivered_bytes_; }
  uint64_t dropped() const { return dropped_; }
  uint64_t queued() const {
    return static_cast<uint64_t>(
        std::count_if(frames_.begin(), frames_.end(), [](const Frame& frame) { return frame.is_event; }));
  }
  size_t queued_bytes() const {
    size_t bytes = 0;
    for (const Frame& frame : frames_) bytes += frame.line.size();
    return bytes;
  }

 private:
  bool fits(size_t frames, size_t bytes) const {
    return frames_.size() + frames <= limits_.frames && queued_bytes() + bytes <= limits_.bytes;
  }

  size_t reply_bytes() const {
    size_t bytes = 0;
    for (const Reply& reply : replies_) bytes += reply.line.size();
    return bytes;
  }

  // Never the one that is partly written, and never the newest.
  bool drop_oldest() {
    uint64_t before = dropped_;
    auto oldest = static_cast<std::ptrdiff_t>(frame_is_partial_ ? 1 : 0);
    while (!fits(0, 0) && frames_.size() > static_cast<size_t>(oldest) + 1) {
      if (frames_[static_cast<size_t>(oldest)].is_event) ++dropped_;
      frames_.erase(frames_.begin() + oldest);
    }
    return dropped_ > before;
  }

  Limits limits_;
  std::string wire_;
  size_t room_ = SIZE_MAX;  // that: without end
  std::deque<Reply> replies_;
  std::deque<Frame> frames_;
  std::vector<std::string> turn_;  // events of this turn, numbered
  size_t partial_bytes_ = 0;       // written of the first reply, or if frame_is_partial_ of the first frame
  bool frame_is_partial_ = false;
  uint64_t received_ = 0;
  uint64_t delivered_ = 0;
  uint64_t delivered_bytes_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace bus::test
