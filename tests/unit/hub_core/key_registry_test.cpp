#include "hub/core/scopes/key_registry.h"

#include <algorithm>
#include <set>
#include <string>

#include "protocol/base/clock.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;
using Outcome = KeyRegistry::Outcome;

namespace {

const TimePoint kNow = TimePoint{} + seconds(1);

// Leaves the registry empty, as its destructor demands.
struct Scopes {
  KeyRegistry registry;
  std::vector<uint64_t> in;

  KeyRegistry::Answer join(uint64_t peer, bool exclusive = false) {
    auto answer = registry.join("board", {peer, static_cast<int64_t>(peer * 10), exclusive});
    if (answer.outcome != Outcome::rejected) in.push_back(peer);
    return answer;
  }
  std::vector<KeyRegistry::Answer> leave(uint64_t peer) { return depart(peer).answers; }
  KeyRegistry::Departure depart(uint64_t peer) {
    std::erase(in, peer);
    auto departure = registry.leave("board", peer);
    for (const auto& answer : departure.answers) {
      if (answer.outcome == Outcome::rejected) std::erase(in, answer.peer);
    }
    return departure;
  }
  bool check(uint64_t peer) { return registry.check("board", peer, kNow); }
  ~Scopes() {
    while (!in.empty()) leave(in.back());
  }
};

}  // namespace

TEST_CASE("KeyRegistry calls first whoever finds the scope empty, and nobody else") {
  Scopes s;
  CHECK(s.join(1).outcome == Outcome::joined_first);
  CHECK(s.join(2).outcome == Outcome::joined);
  s.leave(1);
  CHECK(s.join(3).outcome == Outcome::joined);
  s.leave(2);
  s.leave(3);
  CHECK(s.registry.size() == 0);
  CHECK(s.join(4).outcome == Outcome::joined_first);
}

TEST_CASE("KeyRegistry grants the clean-up lock to the last that asks, again to its holder, to nobody else") {
  Scopes s;
  CHECK_FALSE(s.check(1));
  s.join(1);
  s.join(2);
  s.join(3);
  CHECK_FALSE(s.check(1));
  CHECK_FALSE(s.check(1));
  CHECK_FALSE(s.check(3));
  CHECK(s.check(2));
  CHECK(s.check(2));
  CHECK_FALSE(s.check(1));
  CHECK_FALSE(s.check(3));
  CHECK_FALSE(s.check(4));
  REQUIRE(s.registry.locks().size() == 1);
  CHECK(s.registry.locks()[0].peer == 2);
  CHECK(s.registry.locks()[0].pid == 20);
  CHECK(s.registry.locks()[0].since == kNow);
}

TEST_CASE("KeyRegistry answers one that asks again anew, by who is there now") {
  Scopes s;
  s.join(1);
  s.join(2);
  CHECK_FALSE(s.check(1));
  SECTION("the other has gone without asking") {
    s.leave(2);
    CHECK(s.check(1));
  }
  SECTION("the other was told that it is the last, and has gone") {
    REQUIRE(s.check(2));
    CHECK_FALSE(s.check(1));
    s.leave(2);
    CHECK(s.check(1));
  }
  SECTION("another has joined") {
    s.leave(2);
    CHECK(s.join(3).outcome == Outcome::joined_first);
    CHECK_FALSE(s.check(1));
    CHECK(s.check(3));
  }
}

TEST_CASE("KeyRegistry tells exactly one of those that leave together that it is the last, in every order") {
  // Each asks, and then ends; of two that have asked, either may end first.
  for (uint64_t consumers = 2; consumers <= 5; ++consumers) {
    std::vector<uint64_t> order;
    for (uint64_t peer = 1; peer <= consumers; ++peer) order.insert(order.end(), {peer, peer});
    size_t orders = 0;
    do {
      Scopes s;
      for (uint64_t peer = 1; peer <= consumers; ++peer) s.join(peer);
      std::set<uint64_t> asked;
      size_t told = 0;
      bool missed = false;
      for (uint64_t peer : order) {
        if (asked.insert(peer).second) {
          if (s.check(peer)) ++told;
        } else {
          missed = s.depart(peer).was_last || missed;
        }
      }
      bool right = told == 1 && !missed && s.registry.size() == 0;
      if (!right) {
        std::string text;
        for (uint64_t peer : order) text += " " + std::to_string(peer);
        FAIL("in the order" << text << ", " << told << " were told");
      }
      ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    constexpr size_t kOrders[] = {6, 90, 2520, 113400};
    CHECK(orders == kOrders[consumers - 2]);
  }
}

TEST_CASE("KeyRegistry calls first who finds only leaving consumers, and no lock") {
  Scopes s;
  s.join(1);
  s.join(2);
  CHECK_FALSE(s.check(1));
  CHECK(s.join(3).outcome == Outcome::joined);
  s.leave(3);
  s.leave(2);
  CHECK(s.join(4).outcome == Outcome::joined_first);
  CHECK(s.join(5).outcome == Outcome::joined);
  CHECK_FALSE(s.check(4));
  REQUIRE(s.check(5));
  CHECK(s.join(6).outcome == Outcome::waiting);
}

TEST_CASE("KeyRegistry lets waiters in when the lock's holder ends, though others that are leaving remain") {
  Scopes s;
  s.join(1);
  s.join(3);
  CHECK_FALSE(s.check(1));
  REQUIRE(s.check(3));
  CHECK(s.join(2).outcome == Outcome::waiting);
  CHECK(s.join(4).outcome == Outcome::waiting);
  CHECK(s.leave(1).empty());  // it does not hold the lock
  s.leave(4);
  CHECK(s.join(5).outcome == Outcome::waiting);
  auto answers = s.leave(3);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].outcome == Outcome::joined_first);
  CHECK(answers[1].outcome == Outcome::joined);
  CHECK_FALSE(s.check(2));
  CHECK(s.check(5));
}

TEST_CASE("KeyRegistry says who ends a scope without having asked") {
  Scopes s;
  s.join(1);
  s.join(2);
  s.join(3);
  CHECK_FALSE(s.depart(3).was_last);
  CHECK_FALSE(s.check(1));
  SECTION("the last that has not asked, though one that is leaving remains") {
    CHECK(s.depart(2).was_last);
    CHECK_FALSE(s.depart(1).was_last);
  }
  SECTION("the last that has not asked, after one that was leaving") {
    CHECK_FALSE(s.depart(1).was_last);
    CHECK(s.depart(2).was_last);
  }
  SECTION("nobody, once one was told that it is the last") {
    REQUIRE(s.check(2));
    CHECK(s.join(4).outcome == Outcome::waiting);
    CHECK_FALSE(s.depart(4).was_last);
    CHECK_FALSE(s.depart(2).was_last);
    CHECK_FALSE(s.depart(1).was_last);
  }
}

TEST_CASE(
    "KeyRegistry lets joins wait while the lock is held, and answers them in order when its holder ends") {
  Scopes s;
  s.join(1);
  REQUIRE(s.check(1));
  CHECK(s.join(2).outcome == Outcome::waiting);
  CHECK(s.join(3).outcome == Outcome::waiting);
  CHECK(s.join(4).outcome == Outcome::waiting);
  CHECK(s.registry.locks().at(0).waiting == 3);
  CHECK(s.leave(3).empty());  // a waiter that has gone is forgotten
  auto answers = s.leave(1);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].peer == 2);
  CHECK(answers[0].outcome == Outcome::joined_first);
  CHECK(answers[1].peer == 4);
  CHECK(answers[1].outcome == Outcome::joined);
  CHECK(s.registry.locks().empty());
}

TEST_CASE("KeyRegistry lets 64 wait for a scope, and rejects one more") {
  Scopes s;
  s.join(1);
  REQUIRE(s.check(1));
  for (uint64_t i = 0; i < kMaxWaitersPerScope; ++i) CHECK(s.join(100 + i).outcome == Outcome::waiting);
  auto refused = s.join(999);
  CHECK(refused.outcome == Outcome::rejected);
  CHECK(refused.reason == "scope board is being cleaned up, and 64 others wait already");
}

TEST_CASE("KeyRegistry keeps an exclusive consumer alone") {
  Scopes s;
  CHECK(s.join(1, true).outcome == Outcome::joined_first);
  auto refused = s.join(2);
  CHECK(refused.outcome == Outcome::rejected);
  CHECK(refused.reason == "scope board is held exclusively by pid 10; stop that one, or wait until it ends");
  CHECK(s.join(3, true).outcome == Outcome::rejected);
  s.leave(1);
  CHECK(s.join(4).outcome == Outcome::joined_first);
  CHECK(s.join(5, true).outcome == Outcome::rejected);
}

TEST_CASE("KeyRegistry does not let an exclusive consumer in beside one that is leaving") {
  Scopes s;
  s.join(1);
  s.join(2);
  CHECK_FALSE(s.check(1));
  s.leave(2);
  auto refused = s.join(3, true);
  CHECK(refused.outcome == Outcome::rejected);
  CHECK(
      refused.reason ==
      "scope board has a consumer already (pid 10), and this one asks for it exclusively; stop that one, or "
      "leave out exclusive");
  s.leave(1);
  CHECK(s.join(4, true).outcome == Outcome::joined_first);
  CHECK(s.check(4));
}

TEST_CASE("KeyRegistry judges waiters by exclusiveness when they are let in") {
  Scopes s;
  s.join(1);
  REQUIRE(s.check(1));
  s.join(2, true);
  s.join(3);
  auto answers = s.leave(1);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].outcome == Outcome::joined_first);
  CHECK(answers[1].outcome == Outcome::rejected);
}
