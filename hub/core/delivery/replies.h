// Control replies that wait for one peer's socket, oldest first: the lane ahead of events.
//
// None is ever dropped; who leaves too many unread is closed (delivery.cpp). Outbox says when they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "hub/core/base/ring.h"
#include "protocol/base/check.h"
#include "protocol/base/clock.h"

namespace bus::hub {

// Control replies that a client leaves unread (PROTOCOL.md 4); a single reply may be larger.
inline constexpr size_t kMaxControlBytes = 64 * 1024;

class Replies {
 public:
  bool empty() const { return replies_.empty(); }

  // Whether a reply of this size may be queued: unread ones are bounded by kMaxControlBytes, but for a single
  // one.
  bool has_room_for(size_t bytes) const { return empty() || bytes_ + bytes <= kMaxControlBytes; }
  // There must be room for it; `deadline` is when it must be fully written, kNever for none.
  void push(std::string line, TimePoint deadline) {
    BUSD_CHECK(has_room_for(line.size()));
    bytes_ += static_cast<uint32_t>(line.size());
    replies_.push_back(Reply{std::move(line), deadline});
  }
  // When the oldest that has a deadline must be written; kNever when there is none.
  TimePoint deadline() const {
    for (size_t i = 0; i < replies_.size(); ++i) {
      if (replies_[i].deadline != kNever) return replies_[i].deadline;
    }
    return kNever;
  }

  // Appends whole ones, but for the first `skip` bytes, until `out` has at least `enough`.
  void render(std::string& out, size_t skip, size_t enough) const {
    for (size_t i = 0; i < replies_.size() && out.size() < enough; ++i) {
      out.append(replies_[i].line, skip);
      skip = 0;
    }
  }
  size_t front_bytes() const { return replies_.front().line.size(); }
  void pop_front() {
    bytes_ -= static_cast<uint32_t>(front_bytes());
    replies_.pop_front();
  }
  void clear() {
    replies_.clear();
    bytes_ = 0;
  }

  // Of the replies and their queue, with what the allocator adds to each.
  size_t memory_bytes() const { return bytes_ + replies_.memory_bytes() + replies_.size() * kOverheadBytes; }

 private:
  static constexpr size_t kOverheadBytes = 32;

  struct Reply {
    std::string line;
    TimePoint deadline = kNever;
  };

  Ring<Reply> replies_;
  uint32_t bytes_ = 0;
};

}  // namespace bus::hub
