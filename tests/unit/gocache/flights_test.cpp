#include "consumer/gocache/flights.h"

#include "tests/integration/forked.h"
#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;
using test::Forked;

TEST_CASE("What one run has in flight, another has not until it is ended") {
  Rig rig;
  Flights one(&rig.place);
  Flights other(&rig.place);
  CHECK(one.begin(an_id(4)));
  CHECK(one.begin(an_id(4)));
  CHECK_FALSE(other.begin(an_id(4)));
  CHECK(other.begin(an_id(8)));
  CHECK_FALSE(one.begin(an_id(8)));
  other.end(an_id(4));
  CHECK_FALSE(other.begin(an_id(4)));
  one.end(an_id(4));
  CHECK(other.begin(an_id(4)));
}

TEST_CASE("What a run has in flight is free when the run ends") {
  Rig rig;
  Flights other(&rig.place);
  {
    Flights one(&rig.place);
    CHECK(one.begin(an_id(4)));
    CHECK_FALSE(other.begin(an_id(4)));
  }
  CHECK(other.begin(an_id(4)));
}

TEST_CASE("What another process has in flight is free when that is killed") {
  Rig rig;
  Flights ours(&rig.place);
  Forked builder([&](const Forked::Tell& tell) {
    auto place = Place::open(rig.directory, false);
    Flights theirs(&*place);
    tell(theirs.begin(an_id(4)) ? "begun" : "taken");
    test::wait_for_the_end();
  });
  REQUIRE(builder.read_line() == "begun");
  CHECK_FALSE(ours.begin(an_id(4)));
  builder.pause();
  CHECK_FALSE(ours.begin(an_id(4)));
  builder.kill();
  CHECK(ours.begin(an_id(4)));
}

TEST_CASE("Of very many in flight, the oldest are given up, and stay so for this run") {
  Rig rig;
  Flights one(&rig.place);
  Flights other(&rig.place);
  auto nth = [](int i) { return an_id(static_cast<uint8_t>(i / 256 * 4), static_cast<uint8_t>(i)); };
  for (int i = 0; i < 256; ++i) CHECK(one.begin(nth(i)));
  CHECK_FALSE(other.begin(nth(0)));
  CHECK(one.begin(nth(256)));
  CHECK(other.begin(nth(0)));
  CHECK_FALSE(other.begin(nth(1)));
  CHECK_FALSE(other.begin(nth(256)));
  one.end(nth(0));
  CHECK_FALSE(one.begin(nth(0)));
}

TEST_CASE("Where no locks can be had, everything is free") {
  Rig rig;
  Flights nowhere(nullptr);
  CHECK(nowhere.begin(an_id(4)));
  nowhere.end(an_id(4));
  Place reader = Rig::opened(rig.directory, true);
  Flights read_only(&reader);
  Flights writing(&rig.place);
  CHECK(writing.begin(an_id(4)));
  CHECK(read_only.begin(an_id(4)));
  std::filesystem::remove(rig.own("flights"));
  std::filesystem::create_directory(rig.own("flights"));
  Flights no_file(&rig.place);
  CHECK(no_file.begin(an_id(4)));
}
