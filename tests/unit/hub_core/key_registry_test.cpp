#include "hub/core/key_registry.h"

#include "protocol/base/clock.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;
using Verdict = KeyRegistry::Verdict;

namespace {

const TimePoint kNow = TimePoint{} + seconds(1);

// Leaves the registry empty, as its destructor demands.
struct Scopes {
  KeyRegistry registry;
  std::vector<uint64_t> in;

  KeyRegistry::Answer join(uint64_t peer, bool exclusive = false) {
    auto answer = registry.join("board", {peer, static_cast<int64_t>(peer * 10), exclusive});
    if (answer.verdict != Verdict::rejected) in.push_back(peer);
    return answer;
  }
  std::vector<KeyRegistry::Answer> leave(uint64_t peer) {
    std::erase(in, peer);
    auto answers = registry.leave("board", peer);
    for (const auto& answer : answers) {
      if (answer.verdict == Verdict::rejected) std::erase(in, answer.peer);
    }
    return answers;
  }
  bool check(uint64_t peer) { return registry.check("board", peer, kNow); }
  ~Scopes() {
    while (!in.empty()) leave(in.back());
  }
};

}  // namespace

TEST_CASE("KeyRegistry calls first whoever finds the scope empty, and nobody else") {
  Scopes s;
  CHECK(s.join(1).verdict == Verdict::joined_first);
  CHECK(s.join(2).verdict == Verdict::joined);
  s.leave(1);
  CHECK(s.join(3).verdict == Verdict::joined);
  s.leave(2);
  s.leave(3);
  CHECK(s.registry.size() == 0);
  CHECK(s.join(4).verdict == Verdict::joined_first);
}

TEST_CASE("KeyRegistry grants the clean-up lock to the only member, again to its holder, to nobody else") {
  Scopes s;
  CHECK_FALSE(s.check(1));
  s.join(1);
  s.join(2);
  CHECK_FALSE(s.check(1));
  CHECK_FALSE(s.check(2));
  s.leave(2);
  CHECK_FALSE(s.check(2));
  CHECK(s.check(1));
  CHECK(s.check(1));
  CHECK(s.registry.held_since("board", 1) == kNow);
  CHECK(s.registry.held_since("board", 2) == kNever);
}

TEST_CASE(
    "KeyRegistry lets joins wait while the lock is held, and answers them in order when its holder ends") {
  Scopes s;
  s.join(1);
  REQUIRE(s.check(1));
  CHECK(s.join(2).verdict == Verdict::waiting);
  CHECK(s.join(3).verdict == Verdict::waiting);
  CHECK(s.join(4).verdict == Verdict::waiting);
  CHECK(s.registry.locks().at(0).waiting == 3);
  CHECK(s.leave(3).empty());  // a waiter that has gone is forgotten
  auto answers = s.leave(1);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].peer == 2);
  CHECK(answers[0].verdict == Verdict::joined_first);
  CHECK(answers[1].peer == 4);
  CHECK(answers[1].verdict == Verdict::joined);
  CHECK(s.registry.locks().empty());
}

TEST_CASE("KeyRegistry lets 64 wait for a scope, and rejects one more") {
  Scopes s;
  s.join(1);
  REQUIRE(s.check(1));
  for (uint64_t i = 0; i < kMaxWaitersPerScope; ++i) CHECK(s.join(100 + i).verdict == Verdict::waiting);
  auto refused = s.join(999);
  CHECK(refused.verdict == Verdict::rejected);
  CHECK(refused.reason == "scope board is being cleaned up, and 64 others wait already");
}

TEST_CASE("KeyRegistry keeps an exclusive consumer alone") {
  Scopes s;
  CHECK(s.join(1, true).verdict == Verdict::joined_first);
  auto refused = s.join(2);
  CHECK(refused.verdict == Verdict::rejected);
  CHECK(refused.reason == "scope board is held exclusively (pid 10)");
  CHECK(s.join(3, true).verdict == Verdict::rejected);
  s.leave(1);
  CHECK(s.join(4).verdict == Verdict::joined_first);
  CHECK(s.join(5, true).verdict == Verdict::rejected);
}

TEST_CASE("KeyRegistry judges waiters by exclusiveness when they are let in") {
  Scopes s;
  s.join(1);
  REQUIRE(s.check(1));
  s.join(2, true);
  s.join(3);
  auto answers = s.leave(1);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].verdict == Verdict::joined_first);
  CHECK(answers[1].verdict == Verdict::rejected);
}
