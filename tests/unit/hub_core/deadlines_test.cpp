#include "hub/core/base/deadlines.h"

#include <memory>
#include <random>
#include <vector>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

constexpr TimePoint at(int ms) { return TimePoint{} + milliseconds(ms); }

struct Told : Deadlines::Owner {
  void expired(Deadline& deadline, TimePoint) override {
    CHECK(deadline.at() == kNever);
    order.push_back(&deadline);
    if (meanwhile) meanwhile();
  }
  std::vector<const Deadline*> order;
  std::function<void()> meanwhile;
};

}  // namespace

TEST_CASE("Deadlines expire in the order of their times, and of one time the oldest peer's first") {
  Deadlines table;
  Told told;
  Deadline late, early, second_peer, first_peer;
  late.arm(table, told, at(9), 1);
  second_peer.arm(table, told, at(5), 2);
  first_peer.arm(table, told, at(5), 1);
  early.arm(table, told, at(3), 3);
  CHECK(table.next() == at(3));
  table.expire(at(4), {1, 2, 3});
  CHECK(told.order == std::vector<const Deadline*>{&early});
  table.expire(at(9), {1, 2, 3});
  CHECK(told.order == std::vector<const Deadline*>{&early, &first_peer, &second_peer, &late});
  CHECK(table.next() == kNever);
}

TEST_CASE("A deadline does not expire before its peer was read, and holds up nobody else's") {
  Deadlines table;
  Told told;
  Deadline unread, read, of_nobody;
  unread.arm(table, told, at(1), 7);
  read.arm(table, told, at(2), 8);
  of_nobody.arm(table, told, at(3));
  CHECK(table.due(at(3)) == std::vector<PeerId>{7, 8});
  table.expire(at(3), {8});
  CHECK(told.order == std::vector<const Deadline*>{&read, &of_nobody});
  CHECK(table.next() == at(1));
  table.expire(at(3), {7});
  CHECK(told.order.back() == &unread);
}

TEST_CASE("A deadline that waits for two peers expires when both were read in a turn") {
  Deadlines table;
  Told told;
  Deadline of_two;
  of_two.arm(table, told, at(1), 7, 9);
  CHECK(table.due(at(1)) == std::vector<PeerId>{7, 9});
  table.expire(at(1), {7});
  table.expire(at(1), {9});
  CHECK(told.order.empty());
  table.expire(at(1), {9, 7});
  CHECK(told.order == std::vector<const Deadline*>{&of_two});
}

TEST_CASE("A few peers are due at a time, each once, however many deadlines have come") {
  Deadlines table;
  Told told;
  std::vector<std::unique_ptr<Deadline>> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back(std::make_unique<Deadline>());
    all.back()->arm(table, told, at(i), static_cast<PeerId>(1 + i / 2));
  }
  std::vector<PeerId> due = table.due(at(2000));
  REQUIRE(due.size() == Deadlines::kMaxDuePeers);
  CHECK(due.front() == 1);
  CHECK(due.back() == Deadlines::kMaxDuePeers);
  // The last place goes to the first of two peers.
  for (size_t i = 0; i < all.size(); ++i) {
    PeerId peer = 1 + i;
    all[i]->arm(table, told, at(static_cast<int>(i)), peer, peer == Deadlines::kMaxDuePeers ? peer + 1 : 0);
  }
  due = table.due(at(2000));
  CHECK(due.size() == Deadlines::kMaxDuePeers);
  CHECK(due.back() == Deadlines::kMaxDuePeers);
}

TEST_CASE("An owner that is told may disarm others, and let them die") {
  Deadlines table;
  Told told;
  Deadline first;
  auto other = std::make_unique<Deadline>();
  Deadline last;
  first.arm(table, told, at(1));
  other->arm(table, told, at(2));
  last.arm(table, told, at(3));
  told.meanwhile = [&] { other.reset(); };
  table.expire(at(5), {});
  CHECK(told.order == std::vector<const Deadline*>{&first, &last});
}

TEST_CASE("Deadlines keep their order through arming, moving and dying at random") {
  std::mt19937 random(1);
  Deadlines table;
  Told told;
  std::vector<std::unique_ptr<Deadline>> all(300);
  for (int step = 0; step < 20'000; ++step) {
    auto& one = all[random() % all.size()];
    switch (random() % 3) {
      case 0:
        one.reset();
        break;
      case 1:
        if (one) one->disarm();
        break;
      default:
        if (!one) one = std::make_unique<Deadline>();
        one->arm(table, told, at(static_cast<int>(random() % 1000)), 1 + random() % 5);
    }
    TimePoint least = kNever;
    if (step % 100 == 0) {
      for (const auto& each : all) least = each ? std::min(least, each->at()) : least;
      REQUIRE(table.next() == least);
    }
  }
  std::vector<TimePoint> times;
  told.meanwhile = [&] { times.push_back(table.next()); };
  table.expire(at(1000), {1, 2, 3, 4, 5});
  CHECK(std::is_sorted(times.begin(), times.end()));
  CHECK(table.next() == kNever);
}

TEST_CASE("A rare deadline is one while it is armed, and tells whose it is") {
  struct Thing {
    RareDeadline<Thing> deadline;
  };
  struct Owner : Deadlines::Owner {
    void expired(Deadline& deadline, TimePoint) override {
      told = &RareDeadline<Thing>::whose(deadline);
      told->deadline.disarm();  // it may go while its owner is told
    }
    Thing* told = nullptr;
  };
  static_assert(sizeof(Thing) == sizeof(void*));
  Deadlines table;
  Owner owner;
  Thing a, b;
  CHECK(a.deadline.at() == kNever);
  a.deadline.arm(table, owner, at(5), a, 1);
  b.deadline.arm(table, owner, at(6), b, 2);
  a.deadline.arm(table, owner, at(7), a, 1);
  CHECK(a.deadline.at() == at(7));
  table.expire(at(6), {1, 2});
  CHECK(owner.told == &b);
  CHECK(b.deadline.at() == kNever);
  a.deadline.arm(table, owner, kNever, a, 1);
  CHECK(table.next() == kNever);
  b.deadline.arm(table, owner, at(8), b, 2);
  {
    Thing dies;
    dies.deadline.arm(table, owner, at(7), dies, 3);
  }
  CHECK(table.next() == at(8));
}
