// The room of values beside a store that takes its time, or fails (PROTOCOL.md 11, "Durability").
#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/unit/hub_core/value_rig.h"

using namespace bus;
using namespace bus::test;
using hub::PeerId;
using Lines = std::vector<std::string>;

TEST_CASE("Nobody sees a change that is to be stored before it is committed") {
  ValueRig rig(true);
  PeerId id = rig.client();
  PeerId other = rig.client();
  rig.watch(other, "w", R"("*")");
  rig.seen(other);
  rig.put(id, "p", "k", "1");
  CHECK(rig.lines(id).empty());
  CHECK(rig.get_now(other, "k") == "not_found");
  CHECK(rig.seen(other).empty());
  REQUIRE(rig.keeper.batches.size() == 1);
  CHECK_FALSE(rig.keeper.batches[0].sync);
  CHECK(rig.keeper.given_version == 1);  // of bus.hub
  rig.commit();
  CHECK(rig.answer(id) == "v1 r2");
  CHECK(rig.keeper.given_rev == 2);
  CHECK(rig.seen(other) == Lines{"k v1 r2 1"});
  CHECK(rig.rows.at("k").rev == 2);
  CHECK(rig.keeper.stored_rev == 2);
  CHECK_FALSE(rig.keeper.memory);
}

TEST_CASE("What one turn brings is one batch, and power asks for its fsync") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.send(id, R"({"type":"put","id":"1","key":"a","value":1})"
               "\n"
               R"({"type":"put","id":"2","key":"b","durable":"power","value":1})"
               "\n"
               R"({"type":"put","id":"3","key":"a","value":2})"
               "\n");
  REQUIRE(rig.keeper.batches.size() == 1);
  CHECK(rig.keeper.batches[0].sync);
  CHECK(rig.keeper.batches[0].rows.size() == 3);
  rig.commit();
  CHECK(rig.lines(id).size() == 3);
  CHECK(rig.rows.at("a").state.version == 2);
}

TEST_CASE("Operations of one connection take effect in their order, and hold back nobody else's") {
  ValueRig rig(true);
  PeerId id = rig.client();
  PeerId other = rig.client();
  rig.send(id, R"({"type":"put","id":"p","key":"k","value":1})"
               "\n"
               R"({"type":"get","id":"g","key":"k"})"
               "\n"
               R"({"type":"put","id":"m","key":"x","durable":"memory","value":1})"
               "\n"
               R"({"type":"list","id":"l","values":false})"
               "\n"
               R"({"type":"watch","id":"w","keys":["*"]})"
               "\n");
  CHECK(rig.lines(id).empty());
  CHECK(rig.put_now(other, "y", "1", R"(,"durable":"memory")") == "v1 r2");
  CHECK(rig.status().values->waiting == 5);
  rig.commit();
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 8);
  CHECK(ValueRig::answer_in(lines[0]) == "v1 r3");
  CHECK(token_of(token_of(lines[1], "result"), "value") == "1");
  CHECK(ValueRig::answer_in(lines[2]) == "v1 r4");
  CHECK(text_of(lines[3], "id") == "l");
  CHECK(ValueRig::seen_in(lines[7]) == "synced r4 keys3");
  // The rev was expected to be another one, and a later row says which it was.
  CHECK(rig.rows.at("k").rev == 3);
  CHECK(rig.keeper.stored_rev == 4);
  CHECK(rig.keeper.memory);
}

TEST_CASE("A connection with much that waits is not read, and goes on when it was done") {
  ValueRig rig(true);
  PeerId id = rig.client();
  std::string puts;
  for (size_t i = 0; i < 3000; ++i)
    puts += R"({"type":"put","id":"p)" + std::to_string(i) + R"(","key":"k","value":1})" + "\n";
  rig.send(id, puts);
  CHECK(rig.status().values->waiting == kMaxWaitingChanges + 1);
  CHECK(rig.core.wants(id).read == hub::ReadState::paused);
  while (!rig.keeper.batches.empty()) rig.commit(1);
  CHECK(rig.lines(id).size() == 3000);
  CHECK(rig.core.wants(id).read == hub::ReadState::read);
  // The same by bytes.
  std::string value = '"' + std::string(1'000'000, 'x') + '"';
  for (int i = 0; i < 8; ++i) rig.put(id, "p", "k", value);
  CHECK(rig.status().values->waiting == 5);
  while (!rig.keeper.batches.empty()) rig.commit(1);
  CHECK(rig.lines(id).size() == 8);
}

TEST_CASE("A client that says nothing more, or bye, still gets the answers of what waits") {
  ValueRig rig(true);
  bool by_bye = GENERATE(false, true);
  PeerId id = rig.connect();
  rig.put(id, "p", "k", "1");
  rig.put(id, "m", "x", "1", R"(,"durable":"memory")");
  rig.put(id, "c", "lock", "1", R"(,"while_connected":true)");
  if (by_bye) rig.send_line(id, R"({"type":"bye"})");
  rig.shut_down_writing(id);
  CHECK(rig.is_open(id));
  rig.commit();
  CHECK_FALSE(rig.is_open(id));
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 3);
  PeerId other = rig.client();
  CHECK(rig.get_now(other, "x") == "1");
  // Nobody has it any more.
  CHECK(rig.get_now(other, "lock") == "not_found");
}

TEST_CASE("What a watch has to tell when bye comes is told, be it that the watch waits for the store") {
  bool waits = GENERATE(false, true);
  ValueRig rig(true);
  PeerId other = rig.client();
  CHECK(rig.put_now(other, "x", "1", R"(,"durable":"memory")") == "v1 r2");
  PeerId id = rig.client();
  if (waits) rig.put(id, "p", "k", "1");
  std::string both = R"({"type":"watch","id":"w","keys":["*"]})"
                     "\n"
                     R"({"type":"bye"})"
                     "\n";
  rig.send(id, both);
  CHECK(rig.is_open(id) == waits);
  rig.commit();
  CHECK_FALSE(rig.is_open(id));
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == (waits ? 4 : 2));
  CHECK(token_of(lines[waits ? 1 : 0], "key") == R"("x")");
  CHECK(token_of(lines.back(), "type") == R"("synced")");
  // Nothing that comes later.
  static_cast<void>(rig.put_now(other, "x", "2", R"(,"durable":"memory")"));
  CHECK(rig.lines(id).empty());
}

TEST_CASE("A lock is free when all that its owner has asked for is done, not before") {
  bool by_bye = GENERATE(false, true);
  bool is_killed = GENERATE(false, true);
  ValueRig rig(true);
  PeerId owner = rig.client();
  rig.put(owner, "l", "lock", "1", R"(,"while_connected":true)");
  REQUIRE(rig.answer(owner) == "v1 r2");
  rig.put(owner, "p", "result", "1", R"(,"durable":"power")");
  rig.get(owner, "g", "lock");
  if (by_bye) rig.send_line(owner, R"({"type":"bye"})");
  if (is_killed) {
    rig.hang_up(owner);
  } else {
    rig.shut_down_writing(owner);
  }
  PeerId other = rig.client();
  CHECK(rig.put_now(other, "lock", "2", R"(,"create":true,"while_connected":true)") == "exists");
  CHECK(rig.get_now(other, "result") == "not_found");
  rig.commit();
  if (!is_killed) CHECK(rig.lines(owner).size() == 2);
  CHECK(rig.put_now(other, "lock", "2", R"(,"create":true,"while_connected":true)").starts_with("v3"));
  CHECK(rig.get_now(other, "result") == "1");
}

TEST_CASE("A lock of one that has gone is free when the store fails") {
  ValueRig rig(true);
  PeerId owner = rig.client();
  rig.put(owner, "l", "lock", "1", R"(,"while_connected":true)");
  rig.put(owner, "p", "result", "1");
  rig.hang_up(owner);
  rig.fail("no space left on device");
  PeerId other = rig.client();
  CHECK(rig.get_now(other, "lock") == "not_found");
}

TEST_CASE("bye does not overtake an unwatch that waits for the store") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.watch(id, "w", R"("k")");
  REQUIRE(rig.lines(id).size() == 1);
  rig.put(id, "p", "other", "1");
  rig.send_line(id, R"({"type":"unwatch","id":"w"})");
  rig.send_line(id, R"({"type":"bye"})");
  rig.commit();
  CHECK_FALSE(rig.is_open(id));
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1] == R"({"type":"response","id":"w"})");
}

TEST_CASE("A client that shuts down its writing side keeps a watch that waited for the store") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.put(id, "p", "k", "1");
  rig.watch(id, "w", R"("k")");
  rig.shut_down_writing(id);
  rig.commit();
  CHECK(rig.is_open(id));
  CHECK(rig.lines(id).size() == 3);
}

TEST_CASE("A client that says nothing more gets the answers of what waited behind what waits") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.put(id, "1", "k", "1");
  rig.get(id, "2", "k");
  rig.put(id, "3", "k", "2");
  rig.get(id, "4", "k");
  rig.shut_down_writing(id);
  rig.commit(1);
  CHECK(rig.lines(id).size() == 2);
  CHECK(rig.is_open(id));
  rig.commit(1);
  CHECK_FALSE(rig.is_open(id));
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 2);
  CHECK(ValueRig::answer_in(lines[0]).starts_with("v2"));
  CHECK(token_of(token_of(lines[1], "result"), "value") == "2");
}

TEST_CASE("What was accepted takes effect although its client is gone") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.put(id, "p", "k", "1");
  rig.put(id, "m", "x", "1", R"(,"durable":"memory")");
  rig.hang_up(id);
  rig.commit();
  PeerId other = rig.client();
  CHECK(rig.get_now(other, "k") == "1");
  CHECK(rig.get_now(other, "x") == "not_found");
}

TEST_CASE("A value that is not stored replaces a stored one only once a tombstone is") {
  ValueRig rig(true);
  PeerId id = rig.client();
  PeerId other = rig.client();
  rig.put(id, "p", "k", "1");
  rig.commit();
  rig.lines(id);
  rig.put(id, "p", "k", "2", R"(,"durable":"memory")");
  CHECK(rig.get_now(other, "k") == "1");
  rig.commit();
  CHECK(rig.answer(id) == "v2 r3");
  CHECK(rig.rows.at("k").state.version == 2);
  CHECK(rig.rows.at("k").state.value == nullptr);
  CHECK(rig.keeper.memory);
  // From now on it is in memory alone.
  CHECK(rig.put_now(id, "k", "3", R"(,"durable":"memory")") == "v3 r4");
  CHECK(rig.remove_now(id, "k") == "v4 r5");
}

TEST_CASE("A stored value that is deleted, or over, stays deleted") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.put(id, "p", "k", "1", R"(,"ttl_ms":1000)");
  rig.put(id, "q", "d", "1");
  rig.commit();
  rig.lines(id);
  rig.remove(id, "r", "d");
  rig.advance(seconds(1));
  // The deletion waits for the store, and nobody is shown the value any more.
  CHECK(rig.get_now(rig.client(), "k") == "not_found");
  rig.commit();
  CHECK(rig.rows.at("k").state.expired);
  CHECK(rig.rows.at("k").state.version == 2);
  CHECK(rig.rows.at("d").state.value == nullptr);
  CHECK(rig.answer(id) == "v2 r4");
}

TEST_CASE("When the store fails, what needs it is refused, and all else goes on") {
  ValueRig rig(true);
  PeerId id = rig.client();
  PeerId other = rig.client();
  rig.put(id, "p", "k", "1", R"(,"ttl_ms":1000)");
  rig.commit();
  rig.lines(id);
  rig.put(id, "p", "k", "2");
  rig.put(id, "g", "x", "1", R"(,"durable":"memory")");
  rig.get(id, "l", "k");
  rig.fail("no space left on device");
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 3);
  CHECK(code_of(lines[0]) == "store");
  CHECK(text_of(token_of(lines[0], "error"), "message").find("no space") != std::string::npos);
  CHECK(ValueRig::answer_in(lines[1]).starts_with("v1"));
  CHECK(token_of(token_of(lines[2], "result"), "value") == "1");
  CHECK(rig.put_now(id, "new", "1") == "store");
  CHECK(rig.put_now(id, "k", "1", R"(,"durable":"memory")") == "store");
  CHECK(rig.remove_now(id, "k") == "store");
  CHECK(rig.put_now(other, "m", "1", R"(,"durable":"memory")").starts_with("v1"));
  StatusResponse status = rig.status();
  CHECK(status.values->store == "failed");
  CHECK(status.values->fault == "no space left on device");
  // Time goes on.
  rig.advance(seconds(1));
  CHECK(rig.get_now(other, "k") == "not_found");
}

TEST_CASE("When the store fails, an end that waits is not that of what was there before") {
  ValueRig rig(true);
  PeerId other = rig.client();
  rig.put(other, "p", "k", "1");
  rig.commit();
  rig.lines(other);
  PeerId id = rig.client();
  SECTION("by its time") {
    rig.put(id, "p", "k", "2", R"(,"ttl_ms":1)");
    rig.advance(seconds(1));
    REQUIRE(rig.keeper.batches.size() == 2);
  }
  SECTION("by its connection, behind what that has asked for") {
    rig.put(id, "p", "k", "2", R"(,"while_connected":true)");
    rig.hang_up(id);
    REQUIRE(rig.keeper.batches.size() == 1);
  }
  rig.fail("no space left on device");
  CHECK(rig.get_now(other, "k") == "1");
}

TEST_CASE(
    "When the store fails, what has lost its connection ends although another put was accepted over it") {
  ValueRig rig(true);
  PeerId other = rig.client();
  PeerId id = rig.client();
  CHECK(rig.put_now(id, "k", "1", R"(,"while_connected":true)").starts_with("v1"));
  rig.put(other, "p", "k", "2");
  rig.hang_up(id);
  CHECK(rig.get_now(rig.client(), "k") == "1");
  rig.fail("no space left on device");
  rig.lines(other);
  CHECK(rig.get_now(other, "k") == "not_found");
}

TEST_CASE(
    "A hub whose store files are gone alone has the values, and stays for them; after another failure it "
    "does not") {
  bool are_gone = GENERATE(false, true);
  hub::HubConfig config = rig_config();
  config.idle_exit = seconds(30);
  ValueRig rig(true, config);
  PeerId id = rig.client();
  rig.put(id, "p", "k", "1");
  rig.put(id, "h", "lock", "1", R"(,"while_connected":true)");
  rig.commit();
  CHECK(rig.status().values->only_here == 0);
  rig.core.values_failed({are_gone ? Errc::unavailable : Errc::io, "why"}, rig.clock);
  rig.advance({});
  CHECK(rig.status().values->only_here == (are_gone ? 1 : 0));
  rig.hang_up(id);
  rig.advance(seconds(31));
  CHECK(rig.core.idle(rig.clock) == !are_gone);
}

TEST_CASE("What was kept is there, with its versions, revs and times") {
  hub::KeptValues kept = ValueRig::kept_of(true);
  kept.counters = {70, 5, 3};
  kept.version = 9;
  auto row = [&](const std::string& key, uint64_t version, const char* value, uint64_t rev) {
    hub::KeptValues::Row out;
    out.key = key;
    out.state.version = version;
    if (value != nullptr) out.state.value = SharedText(value);
    out.state.is_stored = true;
    out.state.uid = 1000;
    out.state.changed = TimePoint{} + seconds(900);
    out.rev = rev;
    kept.rows.push_back(out);
  };
  row("a", 4, "1", 60);
  row("gone", 9, nullptr, 61);
  row("brief", 2, "2", 62);
  kept.rows.back().state.expires = TimePoint{} + seconds(1001);
  row("over", 2, "2", 63);
  kept.rows.back().state.expires = TimePoint{} + seconds(999);
  ValueRig rig(std::move(kept));
  PeerId id = rig.client();
  rig.get(id, "g", "a");
  CHECK(
      rig.line(id) ==
      R"({"type":"response","id":"g","result":{"key":"a","version":4,"rev":60,"age_ms":100000,"uid":1000,"value":1}})");
  CHECK(rig.get_now(id, "brief") == "2");
  CHECK(rig.get_now(id, "over") == "not_found");
  rig.put(id, "p", "gone", "1", R"(,"version":10)");
  rig.put(id, "q", "new", "1");
  rig.commit();
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 2);
  // bus.hub was 71, the end of `over` 72.
  CHECK(ValueRig::answer_in(lines[0]) == "v10 r73");
  CHECK(ValueRig::answer_in(lines[1]) == "v6 r74");
  rig.advance(seconds(1));
  rig.commit();
  CHECK(rig.get_now(id, "brief") == "not_found");
  CHECK(rig.rows.at("brief").state.expired);
}

TEST_CASE("Tombstones are forgotten after a day, and the store is told") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.put(id, "p", "k", "1");
  rig.put(id, "p", "k", "2");
  rig.remove(id, "d", "k");
  rig.commit();
  rig.lines(id);
  rig.advance(std::chrono::hours(24) - seconds(1));
  CHECK(rig.status().values->tombstones == 1);
  rig.advance(seconds(1));
  CHECK(rig.status().values->tombstones == 0);
  REQUIRE(rig.keeper.batches.size() == 1);
  CHECK(rig.keeper.batches[0].forgotten == Lines{"k"});
  CHECK(rig.keeper.batches[0].floor == 3);
  rig.commit();
  // An old version never fits again, and 1 means create.
  CHECK(rig.put_now(id, "k", "1", R"(,"version":4,"durable":"memory")") == "stale");
  CHECK(rig.put_now(id, "k", "1", R"(,"version":1,"durable":"memory")").starts_with("v4"));
}

TEST_CASE("Without numbers that may be given, changes are refused") {
  ValueRig rig(true);
  PeerId id = rig.client();
  rig.keeper.gives = false;
  CHECK(rig.put_now(id, "k", "1", R"(,"durable":"memory")") == "store");
  CHECK(rig.get_now(id, "k") == "not_found");
}
