#include "consumer/gocache/evicted.h"

#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;

namespace {

void note(const Rig& rig, const std::vector<Id>& ids, int64_t now_ns) {
  std::vector<uint64_t> numbers;
  for (const Id& id : ids) numbers.push_back(id.number());
  note_evicted(rig.place, numbers, now_ns);
}

}  // namespace

TEST_CASE("What was pruned is known to those who look afterwards") {
  Rig rig;
  CHECK_FALSE(Evicted(&rig.place).has(an_id(1)));
  note(rig, {an_id(3), an_id(1), an_id(1)}, wall_ns());
  note(rig, {an_id(2)}, wall_ns());
  Evicted evicted(&rig.place);
  for (uint8_t each = 1; each <= 3; ++each) CHECK(evicted.has(an_id(each)));
  CHECK_FALSE(evicted.has(an_id(4)));
  CHECK(contents(rig.own("evicted")).size() == 3 * 8);
  CHECK_FALSE(exists(rig.own("evicted.new")));
}

TEST_CASE("What was pruned is forgotten after a week") {
  Rig rig;
  int64_t now = wall_ns();
  note(rig, {an_id(1)}, now);
  set_time(rig.own("evicted"), now - 4 * kDayNs);
  note(rig, {an_id(2)}, now);
  {
    Evicted evicted(&rig.place);
    CHECK(evicted.has(an_id(1)));
    CHECK(evicted.has(an_id(2)));
  }
  set_time(rig.own("evicted"), now - 4 * kDayNs);
  note(rig, {an_id(3)}, now);
  Evicted evicted(&rig.place);
  CHECK_FALSE(evicted.has(an_id(1)));
  CHECK(evicted.has(an_id(2)));
  CHECK(evicted.has(an_id(3)));
}

TEST_CASE("A reader learns what others note meanwhile") {
  Rig rig;
  note(rig, {an_id(1)}, wall_ns());
  Evicted before(&rig.place);
  CHECK_FALSE(before.has(an_id(2)));
  for (uint8_t i = 2; i < 200; ++i) note(rig, {an_id(i)}, wall_ns());
  CHECK(before.has(an_id(1)));
  CHECK(before.has(an_id(2)));
  CHECK(before.has(an_id(199)));
  CHECK_FALSE(before.has(an_id(200)));
}

TEST_CASE("A damaged list, and no list, tells nothing wrong") {
  Rig rig;
  write_file(rig.own("evicted"), "short");
  CHECK_FALSE(Evicted(&rig.place).has(an_id(1)));
  note(rig, {an_id(1)}, wall_ns());
  CHECK(Evicted(&rig.place).has(an_id(1)));
  write_file(rig.own("evicted"), contents(rig.own("evicted")) + "xyz");
  CHECK(Evicted(&rig.place).has(an_id(1)));
  std::filesystem::remove(rig.own("evicted"));
  std::filesystem::create_directory(rig.own("evicted"));
  CHECK_FALSE(Evicted(&rig.place).has(an_id(1)));
  CHECK_FALSE(Evicted(nullptr).has(an_id(1)));
  std::filesystem::create_directory(rig.own("evicted.new"));
  note(rig, {an_id(1)}, wall_ns());
}
