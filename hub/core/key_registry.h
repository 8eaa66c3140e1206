// Scopes: who is first, who is last, and who may clean up (PROTOCOL.md 6).
//
// A scope exists while it has a member or a waiter. Its clean-up lock is held by its only member, between a
// granted check and that member's end; while it is held, joins wait in order of arrival. Knows connections by
// id; does not know messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/router.h"
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
  enum class Verdict { joined, joined_first, waiting, rejected };
  struct Answer {
    uint64_t peer = 0;
    Verdict verdict = Verdict::rejected;
    std::string reason;  // when rejected
  };
  struct Lock {
    std::string scope;
    uint64_t peer = 0;
    int64_t pid = 0;
    TimePoint since;
    size_t waiting = 0;
  };

  ~KeyRegistry();

  // A candidate that may not wait is rejected where it would have to.
  Answer join(std::string_view name, const Candidate& candidate, bool may_wait = true);

  // `peer` is no longer a member, or waiter, of the scope `name`. When that ends a clean-up lock, returns the
  // answers to all waiters, in order of arrival.
  std::vector<Answer> leave(std::string_view name, uint64_t peer);

  // Whether `peer` is the only member of the scope `name` and holds its clean-up lock now.
  bool check(std::string_view name, uint64_t peer, TimePoint now);

  // When `peer` got the lock of the scope `name`; kNever when it does not hold it.
  TimePoint held_since(std::string_view name, uint64_t peer) const;

  std::vector<Lock> locks() const;
  size_t size() const { return scopes_.size(); }

 private:
  struct Scope {
    std::vector<Candidate> members;
    std::unique_ptr<std::vector<Candidate>> waiters;  // rarely there are any
    uint64_t holder = 0;
    TimePoint held_since;
  };

  static size_t waiting_in(const Scope& scope);
  static Answer admit(std::string_view name, Scope& scope, const Candidate& candidate);

  TextMap<Scope> scopes_;
};

}  // namespace bus::hub
