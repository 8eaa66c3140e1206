#include "consumer/src/frame_ledger.h"

#include <map>

#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

TEST_CASE("Frames are put down to the publications that stood in them") {
  FrameLedger ledger;
  ledger.add_other();         // 1: hello
  ledger.add_publication(1);  // 2
  ledger.add_publication(2);  // 3
  ledger.add_other();         // 4: status
  ledger.add_publication(3);  // 5
  ledger.add_publication(7);  // 6: 4 to 6 were refused before they were sent
  CHECK(ledger.frames() == 6);
  CHECK(ledger.publication_of(0) == 0);
  CHECK(ledger.publication_of(1) == 0);
  CHECK(ledger.publication_of(2) == 1);
  CHECK(ledger.publication_of(3) == 2);
  CHECK(ledger.publication_of(4) == 0);
  CHECK(ledger.publication_of(5) == 3);
  CHECK(ledger.publication_of(6) == 7);
  CHECK(ledger.publication_of(7) == 0);
}

TEST_CASE("Publications without a gap are one run, however many") {
  FrameLedger ledger;
  ledger.add_other();
  for (uint64_t n = 1; n <= 1'000'000; ++n) ledger.add_publication(n);
  CHECK(ledger.runs() == 1);
  CHECK(ledger.publication_of(1'000'001) == 1'000'000);
}

TEST_CASE("What is confirmed is forgotten, and the rest is counted") {
  FrameLedger ledger;
  ledger.add_other();
  for (uint64_t n = 1; n <= 10; ++n) ledger.add_publication(n);   // frames 2 to 11
  ledger.add_other();                                             // 12
  for (uint64_t n = 11; n <= 20; ++n) ledger.add_publication(n);  // 13 to 22
  CHECK(ledger.unconfirmed_until(22) == 20);
  CHECK(ledger.unconfirmed_until(12) == 10);
  CHECK(ledger.unconfirmed_until(1) == 0);
  ledger.confirm(6);
  CHECK(ledger.confirmed() == 6);
  CHECK(ledger.publication_of(6) == 0);
  CHECK(ledger.publication_of(7) == 6);
  CHECK(ledger.unconfirmed_until(22) == 15);
  ledger.confirm(12);
  CHECK(ledger.runs() == 1);
  CHECK(ledger.unconfirmed_until(22) == 10);
  ledger.confirm(99);
  CHECK(ledger.confirmed() == 22);
  CHECK(ledger.runs() == 0);
  CHECK(ledger.unconfirmed_until(22) == 0);
}

TEST_CASE("Whatever the mixture, the ledger agrees with a plain table") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    FrameLedger ledger;
    std::map<uint64_t, uint64_t> table;
    unsigned random = seed;
    auto next = [&random](unsigned below) {
      return (random = random * 1103515245U + 12345U) / 65536U % below;
    };
    uint64_t frame = 0;
    uint64_t number = 0;
    uint64_t confirmed = 0;
    for (int i = 0; i < 500; ++i) {
      ++frame;
      switch (next(6)) {
        case 0:
          ledger.add_other();
          break;
        case 1:
          number += 1 + next(3);
          [[fallthrough]];
        default:
          ledger.add_publication(++number);
          table[frame] = number;
      }
      if (next(20) == 0) {
        confirmed = confirmed + next(static_cast<unsigned>(frame - confirmed + 1));
        ledger.confirm(confirmed);
        table.erase(table.begin(), table.upper_bound(confirmed));
      }
      REQUIRE(ledger.frames() == frame);
      REQUIRE(ledger.unconfirmed_until(frame) == table.size());
      for (uint64_t at = confirmed + 1; at <= frame; ++at) {
        REQUIRE(ledger.publication_of(at) == (table.count(at) != 0 ? table[at] : 0));
      }
    }
  }
}

}  // namespace
}  // namespace bus::sdk
