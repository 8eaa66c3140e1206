// Entries that leave their turn open: what many connections ask at once is one batch, and is answered together.
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/value_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

std::string put(const std::string& key, int number) {
  return R"({"type":"put","id":"p","key":")" + key + R"(","value":)" + std::to_string(number) + "}\n";
}

const char* const kGet = R"({"type":"get","id":"g","key":"none"})"
                         "\n";

}  // namespace

TEST_CASE("What several connections ask is answered when their turn ends") {
  ValueRig rig;
  PeerId one = rig.client();
  PeerId other = rig.client();
  PeerId idle = rig.client();
  rig.core.receive(one, kGet, rig.clock);
  rig.core.receive(other, kGet, rig.clock);
  CHECK(rig.core.turn_is_open());
  CHECK(rig.lines(one).empty());
  CHECK(rig.lines(other).empty());

  SECTION("by its end") { rig.core.end_turn(rig.clock); }
  SECTION("by a time that has come") { rig.core.tick(rig.clock, {}); }
  SECTION("by one that goes") {
    PeerId third = rig.connect();
    rig.forget(third);
    rig.core.gone(third, rig.clock);
  }
  SECTION("by one whose input ends") { rig.core.end_of_input(other, rig.clock); }
  SECTION("by one whose socket has room") { rig.core.flush(idle, rig.clock); }
  CHECK_FALSE(rig.core.turn_is_open());
  CHECK(rig.lines(one).size() == 1);
  CHECK(rig.lines(other).size() == 1);
}

TEST_CASE("What several connections put in one turn is one batch for the store") {
  ValueRig rig(true);
  std::vector<PeerId> clients = {rig.client(), rig.client(), rig.client()};
  while (!rig.keeper.batches.empty()) rig.commit();
  for (PeerId client : clients) rig.core.receive(client, put("k." + std::to_string(client), 1), rig.clock);
  CHECK(rig.keeper.batches.empty());
  rig.core.end_turn(rig.clock);
  REQUIRE(rig.keeper.batches.size() == 1);
  CHECK(rig.keeper.batches[0].rows.size() == clients.size());
  // And is answered together.
  hub::ValueKeeper::Batch batch = std::move(rig.keeper.batches.front());
  rig.keeper.batches.pop_front();
  rig.core.values_committed(batch.number, rig.clock);
  CHECK(rig.core.turn_is_open());
  for (PeerId client : clients) CHECK(rig.lines(client).empty());
  rig.core.end_turn(rig.clock);
  for (PeerId client : clients) CHECK(rig.lines(client).size() == 1);
}

TEST_CASE("Events end the turn, for they refer to what was read; what was asked before them is answered") {
  ValueRig rig;
  PeerId consumer = rig.consumer("k", R"("t")");
  PeerId source = rig.source("s");
  PeerId client = rig.client();
  static_cast<void>(rig.lines(consumer));
  rig.core.receive(client, kGet, rig.clock);
  std::string chunk = R"({"type":"event","event_type":"t","payload":1})"
                      "\n";
  rig.core.receive(source, chunk, rig.clock);
  CHECK_FALSE(rig.core.turn_is_open());
  CHECK(rig.line(consumer) == R"({"type":"event","event_type":"t","seq":1,"payload":1})");
  CHECK(rig.lines(client).size() == 1);
  // Nobody wants this one: nothing refers to it.
  std::string other = R"({"type":"event","event_type":"other","payload":1})"
                      "\n";
  rig.core.receive(client, kGet, rig.clock);
  rig.core.receive(source, other, rig.clock);
  CHECK(rig.core.turn_is_open());
  CHECK(rig.lines(client).empty());
  rig.core.end_turn(rig.clock);
  CHECK(rig.lines(client).size() == 1);
}

TEST_CASE("A turn takes a bounded number of changes, from however many connections") {
  ValueRig rig(true);
  PeerId one = rig.client();
  PeerId other = rig.client();
  while (!rig.keeper.batches.empty()) rig.commit();
  std::string chunk;
  for (int n = 0; n < 700; ++n) chunk += put("k." + std::to_string(n % 10), n);
  rig.core.receive(one, chunk, rig.clock);
  CHECK(rig.core.turn_is_open());
  rig.core.receive(other, chunk, rig.clock);
  CHECK_FALSE(rig.core.turn_is_open());
  CHECK(rig.core.wants(other).has_backlog);
  REQUIRE(rig.keeper.batches.size() == 1);
  size_t rows = rig.keeper.batches[0].rows.size();
  CHECK(rows >= 700);
  CHECK(rows < 1400);
  while (rig.core.wants(other).has_backlog) rig.core.resume(other, rig.clock);
  rig.core.end_turn(rig.clock);
  while (!rig.keeper.batches.empty()) rig.commit();
  CHECK(rig.lines(one).size() == 700);
  CHECK(rig.lines(other).size() == 700);
}

TEST_CASE("A watch that ends in the turn in which it begins is told nothing but its end") {
  ValueRig rig;
  PeerId client = rig.client();
  rig.put(client, "p", "k", "1");
  static_cast<void>(rig.lines(client));
  rig.core.receive(client,
                   R"({"type":"watch","id":"w","keys":["*"]})"
                   "\n"
                   R"({"type":"unwatch","id":"w"})"
                   "\n",
                   rig.clock);
  rig.core.end_turn(rig.clock);
  CHECK(rig.line(client) == R"({"type":"response","id":"w"})");
}
