// Scopes: who is first, who is last, and who may clean up (PROTOCOL.md 6).
//
// A scope exists while it has a consumer or a waiter. A consumer that has asked whether it is the last is
// leaving: it stays in the scope until it ends, but no longer counts for those who join or ask after it. The
// scope's clean-up lock is held between a granted check and its holder's end, or by the hub itself; while it is
// held all consumers are leaving, and joins wait in order of arrival. Knows connections by id; does not know messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/text_map.h"
#include "protocol/base/clock.h"

namespace bus::hub {

// A waiter costs its connection and its hello; beyond this, newcomers are better told to come back.
inline constexpr size_t kMaxWaitersPerScope = 64;

class KeyRegistry {
 public:
  struct Candidate {
    uint64_t peer = 0;
    int64_t pid = 0;
    bool exclusive = false;
  };
  enum class Outcome { joined, joined_first, waiting, rejected };
  struct Answer {
    uint64_t peer = 0;
    Outcome outcome = Outcome::rejected;
    std::string reason;  // when rejected
  };
  struct Departure {
    std::vector<Answer> answers;  // to all waiters, in order of arrival, when a clean-up lock ended
    bool was_last = false;        // nobody is in the scope now who was not leaving; the one who left was not
  };
  struct Lock {
    std::string scope;
    uint64_t peer = 0;  // kHub: the hub
    int64_t pid = 0;    // 0 of the hub's
    TimePoint since;
    size_t waiting = 0;
  };

  // As a lock's holder.
  static constexpr uint64_t kHub = UINT64_MAX;

  ~KeyRegistry();

  // A candidate that may not wait is rejected where it would have to.
  Answer join(std::string_view name, const Candidate& candidate, bool may_wait = true);

  // `peer` is no longer a consumer, or waiter, of the scope `name`.
  Departure leave(std::string_view name, uint64_t peer);

  // `peer`, if it is a consumer of the scope `name`, is leaving from now on. Returns whether all others are,
  // too, and `peer` holds the clean-up lock now. O(log n), because a client may ask as often as it likes.
  bool check(std::string_view name, uint64_t peer, TimePoint now);

  // The hub holds the lock of the scope `name`, of which the last that was not leaving has just left.
  void lock(std::string_view name, TimePoint now);
  // It does so no longer. Returns the answers to all waiters, in order of arrival.
  std::vector<Answer> unlock(std::string_view name);

  std::vector<Lock> locks() const;

  // One scope as it is now.
  struct Presence {
    uint64_t peer = 0;
    bool exclusive = false;
    bool leaving = false;
    bool first = false;  // was told so
    bool waiting = false;
  };
  struct View {
    std::vector<Presence> consumers;  // then those that wait, in order of arrival
    uint64_t holder = 0;
    TimePoint held_since;
  };
  // Of a scope that does not exist, an empty one.
  View look(std::string_view name) const;
  size_t size() const { return scopes_.size(); }

 private:
  struct Consumer : Candidate {
    bool leaving = false;
    bool first = false;
  };
  struct Scope {
    std::vector<Consumer> consumers;                  // by peer
    size_t members = 0;                               // those that are not leaving
    std::unique_ptr<std::vector<Candidate>> waiters;  // rarely there are any
    uint64_t holder = 0;
    TimePoint held_since;
  };

  static size_t waiting_in(const Scope& scope);
  static std::vector<Consumer>::iterator find(Scope& scope, uint64_t peer);
  static bool remove(Scope& scope, uint64_t peer, Departure& out);
  static Answer admit(std::string_view name, Scope& scope, const Candidate& candidate);
  static std::vector<Answer> release(std::string_view name, Scope& scope);
  void erase_if_empty(TextMap<Scope>::iterator at);

  TextMap<Scope> scopes_;
};

}  // namespace bus::hub
