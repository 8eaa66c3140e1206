// What is to happen at some time: a member of whatever waits, and the table of all that are armed.
//
// A deadline disarms itself when it dies, so nothing outlives what it was for. The table is a heap in which
// each deadline knows its place: arming, moving and disarming are O(log n) and allocate nothing but the table's
// own growth. Its entries have their time beside them, and four below each, so that of 100 000 deadlines few
// are touched to move one. Knows no clock: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hub/core/base/transport.h"
#include "protocol/base/clock.h"

namespace bus::hub {

class Deadline;

class Deadlines {
 public:
  // Whose deadlines they are.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The deadline has come, and is disarmed.
    virtual void expired(Deadline& deadline, TimePoint now) = 0;
  };

  Deadlines() = default;
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  ~Deadlines();

  // When the next one comes; kNever when none is armed.
  TimePoint next() const;

  // Peers whose sockets are to be read before expire(): what they sent in time, and the hub has not read yet,
  // may meet the deadline. Each once, the longest due first, at most kMaxDuePeers.
  static constexpr size_t kMaxDuePeers = 16;
  std::vector<PeerId> due(TimePoint now) const;

  // Tells the owners of those that have come, the earliest first: those whose peers are in `read`, and those
  // that wait for no peer.
  void expire(TimePoint now, const std::vector<PeerId>& read);

 private:
  friend class Deadline;
  struct Entry {
    TimePoint at;
    Deadline* deadline;
  };
  static constexpr size_t kBelow = 4;

  void arm(Deadline& deadline);
  void disarm(Deadline& deadline);
  void put(size_t place, const Entry& entry);
  void sift_up(size_t place, const Entry& entry);
  void sift_down(size_t place, const Entry& entry);
  static bool is_before(const Entry& a, const Entry& b);
  template <class Visit>
  void visit_come(TimePoint now, Visit visit) const;

  std::vector<Entry> heap_;
  uint64_t last_serial_ = 0;
};

class Deadline {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { disarm(); }

  // `read_first`: the peer whose socket is read before the deadline expires, and `then_read` another, behind
  // it; 0: none. kNever disarms.
  void arm(Deadlines& table, Deadlines::Owner& owner, TimePoint at, PeerId read_first = 0,
           PeerId then_read = 0);
  void disarm();
  TimePoint at() const { return at_; }

 private:
  friend class Deadlines;
  Deadlines* table_ = nullptr;  // while it is armed
  Deadlines::Owner* owner_ = nullptr;
  TimePoint at_ = kNever;
  PeerId read_first_ = 0;
  PeerId then_read_ = 0;
  uint64_t serial_ = 0;  // of one time, the oldest peer's comes first; of that, the one that was armed first
  size_t place_ = 0;     // in the heap
};

// A deadline of `Whose`, which mostly has none: it costs a pointer until it is armed.
template <class Whose>
class RareDeadline {
 public:
  void arm(Deadlines& table, Deadlines::Owner& owner, TimePoint at, Whose& whose, PeerId read_first) {
    if (at == kNever) return disarm();
    if (!armed_) armed_ = std::make_unique<Armed>(whose);
    armed_->arm(table, owner, at, read_first);
  }
  void disarm() { armed_.reset(); }
  TimePoint at() const { return armed_ ? armed_->at() : kNever; }

  // Of the deadline that an owner is told of.
  static Whose& whose(Deadline& expired) { return static_cast<Armed&>(expired).whose; }

 private:
  struct Armed final : Deadline {
    explicit Armed(Whose& of) : whose(of) {}
    Whose& whose;
  };
  std::unique_ptr<Armed> armed_;
};

}  // namespace bus::hub
