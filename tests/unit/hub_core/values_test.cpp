// The room of values, by the sentences of PROTOCOL.md 11.
#include <algorithm>
#include <set>

#include "protocol/limits.h"
#include "protocol/messages/call.h"
#include "tests/support/catch.h"
#include "tests/unit/hub_core/value_rig.h"

using namespace bus;
using namespace bus::test;
using hub::PeerId;
using Lines = std::vector<std::string>;

TEST_CASE("A value is put, got, listed and deleted, and keeps its bytes") {
  ValueRig rig;
  PeerId id = rig.client();
  // The first rev is that of bus.hub.
  CHECK(rig.put_now(id, "branch", R"({"name":"main","n":1.10})") == "v1 r2");
  rig.clock += milliseconds(1200);
  rig.get(id, "g", "branch");
  CHECK(
      rig.line(id) ==
      R"({"type":"response","id":"g","result":{"key":"branch","version":1,"rev":2,"age_ms":1200,"uid":1000,"value":{"name":"main","n":1.10}}})");
  CHECK(rig.put_now(id, "a", "null") == "v1 r3");
  CHECK(rig.get_now(id, "a") == "null");
  rig.send_line(id, R"({"type":"list","id":"l"})");
  CHECK(
      rig.line(id) ==
      R"({"type":"response","id":"l","result":{"keys":[{"key":"a","version":1,"rev":3,"age_ms":0,"uid":1000,"value":null},{"key":"branch","version":1,"rev":2,"age_ms":1200,"uid":1000,"value":{"name":"main","n":1.10}}]}})");
  CHECK(rig.remove_now(id, "branch") == "v2 r4");
  CHECK(rig.get_now(id, "branch") == "not_found");
  CHECK(rig.remove_now(id, "branch") == "not_found");
  CHECK(rig.put_now(id, "branch", "1") == "v3 r5");
}

TEST_CASE("Every one of put, delete, get, list and watch may begin a connection; unwatch may not") {
  ValueRig rig;
  for (const char* first :
       {R"({"type":"put","id":"x","key":"k","value":1})", R"({"type":"get","id":"x","key":"k"})",
        R"({"type":"list","id":"x"})", R"({"type":"delete","id":"x","key":"k"})"}) {
    PeerId id = rig.connect();
    rig.send_line(id, first);
    CHECK(text_of(rig.line(id), "type") == "response");
    CHECK(rig.is_open(id));
  }
  PeerId id = rig.connect();
  rig.watch(id, "w", R"("k")");
  CHECK(rig.seen(id) == Lines{"synced r3 keys0"});
  PeerId late = rig.connect();
  rig.send_line(late, R"({"type":"unwatch","id":"w"})");
  CHECK(text_of(rig.line(late), "code") == "not_allowed");
}

TEST_CASE("A version is accepted only behind the one before, and the refusal shows the present one") {
  ValueRig rig;
  PeerId id = rig.client();
  CHECK(rig.put_now(id, "k", "1", R"(,"version":1)") == "v1 r2");
  CHECK(rig.put_now(id, "k", "2", R"(,"version":2)") == "v2 r3");
  rig.put(id, "p", "k", "3", R"(,"version":2)");
  CHECK(
      rig.line(id) ==
      R"({"type":"response","id":"p","error":{"code":"stale","message":"\"k\" has version 2; the next one is 3","by":"hub","data":{"version":2,"rev":3,"value":2}}})");
  CHECK(rig.put_now(id, "k", "3", R"(,"version":4)") == "stale");
  CHECK(rig.put_now(id, "k", "3", R"(,"create":true)") == "exists");
  CHECK(rig.remove_now(id, "k", R"(,"version":2)") == "stale");
  CHECK(rig.remove_now(id, "k", R"(,"version":3)") == "v3 r4");
  rig.put(id, "p", "k", "9", R"(,"version":3)");
  CHECK(token_of(token_of(rig.line(id), "error"), "data") == R"({"version":3,"rev":4,"deleted":true})");
  // Version 1 means create, and the answer says which version it was.
  CHECK(rig.put_now(id, "k", "5", R"(,"version":1)") == "v4 r5");
  CHECK(rig.put_now(id, "k", "5", R"(,"version":1)") == "stale");
  CHECK(rig.remove_now(id, "k") == "v5 r6");
  CHECK(rig.put_now(id, "k", "6", R"(,"create":true)") == "v6 r7");
  CHECK(rig.put_now(id, "unknown", "1", R"(,"version":2)") == "stale");
}

TEST_CASE("A put of equal bytes with if_changed is no change, unless it has a time or another owner") {
  ValueRig rig;
  PeerId id = rig.client();
  PeerId watcher = rig.client();
  rig.put_now(id, "k", "[1]");
  rig.watch(watcher, "w", R"("k")");
  rig.seen(watcher);
  CHECK(rig.put_now(id, "k", "[1]", R"(,"if_changed":true)") == "v1 r2 unchanged");
  CHECK(rig.seen(watcher).empty());
  CHECK(rig.put_now(id, "k", "[1] ", R"(,"if_changed":true)") == "v1 r2 unchanged");
  CHECK(rig.put_now(id, "k", "[ 1]", R"(,"if_changed":true)") == "v2 r3");
  CHECK(rig.put_now(id, "k", "[ 1]", R"(,"if_changed":true,"ttl_ms":1000)") == "v3 r4");
  CHECK(rig.put_now(id, "k", "[ 1]", R"(,"if_changed":true)") == "v4 r5");
  CHECK(rig.put_now(id, "k", "[ 1]", R"(,"if_changed":true,"while_connected":true)") == "v5 r6");
  CHECK(rig.put_now(id, "k", "[ 1]", R"(,"if_changed":true,"while_connected":true)") == "v5 r6 unchanged");
}

TEST_CASE("What is wrong with a change is said by a code, or by an error when it has no id") {
  ValueRig rig;
  PeerId id = rig.client();
  CHECK(rig.put_now(id, "bus.hub", "1") == "not_allowed");
  CHECK(rig.remove_now(id, "bus.hub") == "not_allowed");
  CHECK(rig.put_now(id, "*", "1") == "bad_args");
  CHECK(rig.put_now(id, "a.*", "1") == "bad_args");
  CHECK(rig.get_now(id, "a.*") == "bad_args");
  CHECK(rig.put_now(id, "k", "1", R"(,"create":true,"version":2)") == "bad_args");
  CHECK(rig.put_now(id, "k", "1", R"(,"while_connected":true,"durable":"power")") == "bad_args");
  CHECK(rig.put_now(id, "k", "1", R"(,"durable":"process")") == "store");
  CHECK(rig.status().values->refused == 7);
  rig.send_line(id, R"({"type":"delete","id":"d","key":"k","version":0})");
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
  for (const char* bad :
       {R"(,"version":0)", R"(,"version":-1)", R"(,"ttl_ms":0)", R"(,"ttl_ms":315360000001)",
        R"(,"ttl_ms":"1")", R"(,"durable":"disk")", R"(,"create":1)"}) {
    rig.put(id, "p", "k", "1", bad);
    CHECK(text_of(rig.line(id), "code") == "bad_frame");
  }
  auto without_id = [&](const std::string& members) {
    rig.send_line(id, R"({"type":"put",)" + members + R"(,"value":1})");
    return rig.line(id);
  };
  CHECK(without_id(R"("key":"k")").empty());
  CHECK(text_of(without_id(R"("key":"bus.x")"), "code") == "not_allowed");
  std::string stale = without_id(R"("key":"k","version":7)");
  CHECK(text_of(stale, "code") == "not_allowed");
  CHECK(text_of(stale, "message").starts_with("stale: "));
  CHECK(text_of(without_id(R"("key":"k.*")"), "code") == "bad_frame");
  CHECK(text_of(without_id(R"("key":"k","durable":"power")"), "code") == "busy");
  CHECK(rig.get_now(id, "k") == "1");
}

TEST_CASE("A value of the largest size fits every frame that shows it, and a larger one is refused") {
  ValueRig rig;
  PeerId id = rig.client();
  std::string key(255, '"');
  std::string its_id(64, '"');
  auto escaped = [](const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) out += "\\\"";
    return out;
  };
  std::string value = '"' + std::string(kMaxValueBytes - 2, 'v') + '"';
  // Another key and id as long as they may be.
  rig.put(id, escaped(its_id), "k", value);
  CHECK(ValueRig::answer_in(rig.line(id)) == "v1 r2");
  std::string put = R"({"type":"put","id":"p","key":")" + escaped(key) + R"(","value":)";
  rig.send(id, put + value + "}\n");
  CHECK(rig.answer(id) == "v1 r3");
  rig.put(id, "p", "k", '"' + std::string(kMaxValueBytes - 1, 'v') + '"');
  CHECK(rig.answer(id) == "too_large");
  rig.send_line(id, R"({"type":"get","id":")" + escaped(its_id) + R"(","key":"k"})");
  std::string got = rig.line(id);
  CHECK(got.size() < kMaxFrameBytes);
  CHECK(token_of(token_of(got, "result"), "value") == value);
  rig.watch(id, escaped(its_id), "\"*\"");
  for (const std::string& line : rig.lines(id)) CHECK(line.size() < kMaxFrameBytes);
  rig.send_line(id, R"({"type":"list","id":")" + escaped(its_id) + "\"}");
  std::string listed = rig.line(id);
  CHECK(listed.size() < kMaxFrameBytes);
  CHECK(text_of(token_of(listed, "result"), "next") == key);
}

TEST_CASE("A value is nested so deep at most that the answers with it are good frames") {
  ValueRig rig;
  PeerId id = rig.client();
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(rig.put_now(id, "k", nested(kMaxValueDepth)) == "v1 r2");
  CHECK(rig.put_now(id, "k", nested(kMaxValueDepth + 1)) == "bad_args");
  CHECK(rig.put_now(id, "flat", '"' + std::string(kMaxDepth, '[') + '"') == "v1 r3");
  rig.send_line(id, R"({"type":"list","id":"l"})");
  CHECK(decode_line<Response>(rig.line(id)).has_value());
}

TEST_CASE("A list is cut into pages by its limit, and asks for patterns") {
  ValueRig rig;
  PeerId id = rig.client();
  for (const char* key : {"b", "a", "s.2", "s.1", "s.10", "t", "s", "s.", "sx"}) rig.put_now(id, key, "0");
  auto list = [&](const std::string& more) {
    rig.send_line(id, R"({"type":"list","id":"l","values":false)" + more + "}");
    std::string result = token_of(rig.line(id), "result");
    std::string out;
    RawJson json;
    std::string keys = token_of(result, "keys");
    REQUIRE_FALSE(json.scan(keys));
    for (const Member& each : json.children()) out += text_of(each.value_token, "key") + " ";
    std::string next = text_of(result, "next");
    return out + (next.empty() ? "" : "next " + next);
  };
  CHECK(list("") == "a b s s. s.1 s.10 s.2 sx t ");
  CHECK(list(R"(,"limit":4)") == "a b s s. next s.");
  CHECK(list(R"(,"limit":4,"after":"s.")") == "s.1 s.10 s.2 sx next sx");
  CHECK(list(R"(,"limit":4,"after":"sx")") == "t ");
  CHECK(list(R"(,"after":"t")").empty());
  CHECK(list(R"(,"keys":["s.*"])") == "s.1 s.10 s.2 ");
  CHECK(list(R"(,"keys":["t","s.*","s.1","a","nothing"])") == "a s.1 s.10 s.2 t ");
  CHECK(list(R"(,"keys":["t","s.*"],"limit":2)") == "s.1 s.10 next s.10");
  CHECK(list(R"(,"keys":["bus.*"])") == "bus.hub ");
  CHECK(list(R"(,"keys":["bus.hub","*"],"limit":3)") == "a b bus.hub next bus.hub");
  rig.send_line(id, R"({"type":"list","id":"l","limit":0})");
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
}

TEST_CASE("A value expires after its time, which a put without one ends") {
  ValueRig rig;
  PeerId id = rig.client();
  PeerId watcher = rig.client();
  rig.watch(watcher, "w", R"("*")");
  rig.seen(watcher);
  rig.put_now(id, "k", "1", R"(,"ttl_ms":1000)");
  rig.put_now(id, "stays", "1", R"(,"ttl_ms":1000)");
  rig.put_now(id, "stays", "2");
  rig.seen(watcher);
  rig.advance(milliseconds(400));
  rig.get(id, "g", "k");
  CHECK(token_of(token_of(rig.line(id), "result"), "ttl_ms") == "600");
  rig.advance(milliseconds(599));
  CHECK(rig.get_now(id, "k") == "1");
  rig.advance(milliseconds(1));
  CHECK(rig.seen(watcher) == Lines{"k v2 r5 deleted expired"});
  CHECK(rig.get_now(id, "k") == "not_found");
  CHECK(rig.status().values->expired == 1);
  rig.advance(seconds(100));
  CHECK(rig.get_now(id, "stays") == "2");
}

TEST_CASE("A value is over for a change that comes in the turn of its end") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.put_now(id, "k", "1", R"(,"ttl_ms":1000)");
  // Nobody has called tick() yet.
  rig.clock += seconds(1);
  CHECK(rig.put_now(id, "k", "2", R"(,"version":2)") == "stale");
  CHECK(rig.put_now(id, "k", "2", R"(,"create":true)") == "v3 r4");
}

TEST_CASE("The time of a value goes on while the machine sleeps") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.put_now(id, "k", "1", R"(,"ttl_ms":60000)");
  CHECK(rig.keeper.wakes_at == rig.clock + seconds(60));
  rig.keeper.slept = seconds(60);
  rig.advance({});
  CHECK(rig.get_now(id, "k") == "not_found");
}

TEST_CASE("A while_connected value ends with its connection, and is a lock with create") {
  ValueRig rig;
  PeerId a = rig.client();
  PeerId b = rig.client();
  rig.watch(b, "w", R"("*")");
  rig.seen(b);
  CHECK(rig.put_now(a, "lock", "1", R"(,"create":true,"while_connected":true)") == "v1 r2");
  CHECK(rig.seen(b) == Lines{"lock v1 r2 1"});
  rig.put(b, "p", "lock", "2", R"(,"create":true,"while_connected":true)");
  CHECK(rig.answer(b) == "exists");
  CHECK(rig.status().values->held == 1);
  SECTION("by its death") {
    rig.clock += milliseconds(700);
    rig.hang_up(a);
    CHECK(rig.status().values->held == 0);
    CHECK(rig.line(b) ==
          R"({"type":"value","watch":"w","key":"lock","version":2,"rev":3,"deleted":true,"age_ms":0})");
  }
  SECTION("by bye") {
    rig.send_line(a, R"({"type":"bye"})");
    CHECK(rig.seen(b) == Lines{"lock v2 r3 deleted"});
  }
  SECTION("by the end of its input") {
    rig.shut_down_writing(a);
    CHECK(rig.seen(b) == Lines{"lock v2 r3 deleted"});
  }
  SECTION("but not when somebody else has put it since") {
    rig.put(b, "p", "lock", "3");
    rig.lines(b);
    rig.hang_up(a);
    CHECK(rig.get_now(b, "lock") == "3");
  }
  SECTION("nor twice when its owner has deleted it") {
    rig.remove_now(a, "lock");
    rig.seen(b);
    rig.hang_up(a);
    CHECK(rig.seen(b).empty());
  }
}

TEST_CASE("A consumer that shuts down its writing side keeps its values and its watches") {
  ValueRig rig;
  PeerId id = rig.consumer("c", R"("t")");
  rig.send_line(id, R"({"type":"put","key":"k","while_connected":true,"value":1})");
  rig.watch(id, "w", R"("*")");
  rig.seen(id);
  rig.shut_down_writing(id);
  PeerId other = rig.client();
  CHECK(rig.get_now(other, "k") == "1");
  rig.put_now(other, "x", "1");
  CHECK(rig.seen(id) == Lines{"x v1 r3 1"});
  rig.hang_up(id);
  CHECK(rig.get_now(other, "k") == "not_found");
}

TEST_CASE("A client that says nothing more still watches; after bye it does not") {
  ValueRig rig;
  PeerId id = rig.connect();
  rig.watch(id, "w", R"("*")");
  rig.shut_down_writing(id);
  CHECK(rig.is_open(id));
  PeerId other = rig.client();
  rig.put_now(other, "x", "1");
  CHECK(rig.seen(id) == Lines{"synced r1 keys0", "x v1 r2 1"});
  PeerId leaving = rig.client();
  rig.watch(leaving, "w", R"("*")");
  rig.send_line(leaving, R"({"type":"bye"})");
  CHECK_FALSE(rig.is_open(leaving));
}

TEST_CASE("There are at most so many keys and bytes, of one user a share, and others have theirs") {
  hub::HubConfig config = rig_config();
  config.value_limits = {100, 100'000};
  ValueRig rig(false, config);
  constexpr uint32_t kOther = 2000;
  config.allow_uids = {kOther};
  ValueRig shared(false, config);
  PeerId theirs = shared.client(kOther);
  for (int i = 0; i < 25; ++i) REQUIRE(shared.put_now(theirs, "t" + std::to_string(i), "1") != "full");
  CHECK(shared.put_now(theirs, "more", "1") == "full");
  CHECK(shared.put_now(theirs, "t3", "2") == "v2 r27");
  PeerId ours = shared.client();
  for (int i = 0; i < 75; ++i) REQUIRE(shared.put_now(ours, "o" + std::to_string(i), "1") != "full");
  CHECK(shared.put_now(ours, "more", "1") == "full");
  shared.remove_now(ours, "o1");
  CHECK(shared.put_now(ours, "more", "1").starts_with("v"));
  // One that the other user replaces is that user's, who has no room for it.
  CHECK(shared.put_now(theirs, "o2", "1") == "full");
  CHECK(shared.remove_now(theirs, "o2").starts_with("v"));
  CHECK(shared.status().values->keys == 99);

  PeerId id = rig.client();
  CHECK(rig.put_now(id, "big", '"' + std::string(90'000, 'x') + '"') == "v1 r2");
  CHECK(rig.put_now(id, "big2", '"' + std::string(9'990, 'x') + '"') == "full");
  // What becomes smaller always fits.
  CHECK(rig.put_now(id, "big", '"' + std::string(80'000, 'x') + '"') == "v2 r3");
  CHECK(rig.put_now(id, "big2", '"' + std::string(9'990, 'x') + '"') == "v1 r4");
  CHECK(rig.status().values->bytes == 80'005 + 9'996);
}

TEST_CASE("The hub's own keys follow its sources") {
  ValueRig rig;
  PeerId watcher = rig.client();
  rig.watch(watcher, "w", R"("bus.source.*")");
  CHECK(rig.seen(watcher) == Lines{"synced r1 keys0"});
  PeerId source = rig.source("clock");
  CHECK(rig.seen(watcher) ==
        Lines{R"(bus.source.clock v1 r2 {"state":"connected","since_ms":1700000000000})"});
  rig.keeper.wall += 5;
  rig.send_line(source,
                R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"try 2"})");
  CHECK(
      rig.seen(watcher) ==
      Lines{R"(bus.source.clock v2 r3 {"state":"reconnecting","detail":"try 2","since_ms":1700000000005})"});
  rig.hang_up(source);
  CHECK(rig.seen(watcher) ==
        Lines{R"(bus.source.clock v3 r4 {"state":"disconnected","since_ms":1700000000005})"});
  CHECK(rig.get_now(watcher, "bus.hub") == R"({"version":"test","pid":7,"started_ms":1700000000000})");
  CHECK(rig.status().values->keys == 0);
}

TEST_CASE("A source whose key would be too long, or a pattern, has none") {
  ValueRig rig;
  PeerId watcher = rig.client();
  rig.watch(watcher, "w", R"("bus.source.*")");
  CHECK(rig.seen(watcher).size() == 1);
  for (const std::string& name : {std::string(245, 'n'), std::string("*"), std::string("clock.*")}) {
    PeerId source = rig.source(name);
    CHECK(rig.seen(watcher).empty());
    rig.hang_up(source);
    CHECK(rig.seen(watcher).empty());
  }
  rig.source(std::string(244, 'n'));
  CHECK(rig.seen(watcher).size() == 1);
  rig.source("*.clock");
  CHECK(rig.seen(watcher).size() == 1);
}

TEST_CASE("A change that is refused as full is told which limit it is that it exceeds") {
  hub::HubConfig config = rig_config();
  config.value_limits = {100, 100'000};
  constexpr uint32_t kOther = 2000;
  config.allow_uids = {kOther};
  ValueRig rig(false, config);
  PeerId ours = rig.client();
  PeerId theirs = rig.client(kOther);
  auto text = [&](PeerId id, const std::string& key, size_t bytes) {
    rig.put(id, "p", key, '"' + std::string(bytes, 'x') + '"');
    return rig.line(id);
  };
  for (int i = 0; i < 25; ++i) rig.put_now(theirs, "t" + std::to_string(i), "1");
  CHECK(text(theirs, "more", 1).find("the most that one user may have") != std::string::npos);
  CHECK(text(theirs, "t1", 30'000).find("values of one user may take 25000 bytes") != std::string::npos);
  for (int i = 0; i < 75; ++i) rig.put_now(ours, "o" + std::to_string(i), "1");
  CHECK(text(ours, "more", 1).find("--values-keys") != std::string::npos);
  // There is no room for another key, and that is not what this one lacks.
  CHECK(text(ours, "o1", 100'000).find("--values-bytes") != std::string::npos);
  CHECK(text(theirs, "t1", 100'000).find("--values-bytes") != std::string::npos);
}

TEST_CASE("A hub without values does not know them") {
  hub::HubConfig config = rig_config();
  config.values = false;
  CoreRig rig(config);
  PeerId id = rig.source("s");
  CHECK(rig.last_ack.find("values") == std::string::npos);
  rig.send_line(id, R"({"type":"get","id":"g","key":"k"})");
  std::string error = rig.line(id);
  CHECK(text_of(error, "code") == "unknown_type");
  CHECK(text_of(error, "message").starts_with("this hub has no values"));
  CHECK_FALSE(rig.status().values.has_value());
  for (const char* type : {"put", "delete", "list", "watch", "unwatch"}) {
    PeerId first = rig.connect();
    rig.send_line(first, R"({"type":")" + std::string(type) + R"(","id":"x"})");
    CHECK(text_of(rig.line(first), "message").starts_with("this hub has no values"));
  }
  PeerId other = rig.connect();
  rig.send_line(other, R"({"type":"puts"})");
  CHECK(text_of(rig.line(other), "message").starts_with("unknown type"));
}

TEST_CASE("When the hub stops, watches end with stopping") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.watch(id, "w", R"("*")");
  rig.seen(id);
  rig.core.begin_stop(rig.clock + seconds(1));
  rig.advance({});
  CHECK(code_of(rig.line(id)) == "stopping");
}

TEST_CASE("A hub that alone has a value does not end for lack of use") {
  hub::HubConfig config = rig_config();
  config.idle_exit = seconds(30);
  ValueRig rig(true, config);
  PeerId id = rig.client();
  rig.put_now(id, "k", "1", R"(,"durable":"memory")");
  rig.put_now(id, "lock", "1", R"(,"while_connected":true)");
  rig.hang_up(id);
  rig.advance(seconds(60));
  CHECK_FALSE(rig.core.idle(rig.clock));
  id = rig.client();
  rig.remove_now(id, "k");
  rig.put(id, "p", "stored", "1");
  rig.commit();
  rig.hang_up(id);
  rig.advance(seconds(60));
  CHECK(rig.core.idle(rig.clock));
}
