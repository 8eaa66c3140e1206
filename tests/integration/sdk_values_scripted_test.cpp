// Values in the SDK against hubs that follow a script: what is sent, and what each answer comes to.
#include "tests/integration/sdk_values_scripted.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "protocol/limits.h"

namespace bus::test {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("A hub without values is told from what it cannot do, by each function", "[values]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    welcome_without_values(peer);
    peer.wait_for_end();
  }});
  Client connection(hub);
  auto put = connection.put("k", "1");
  CHECK(put.status == BUSD_PROTOCOL);
  CHECK_THAT(put.message, Contains("the hub has no values") && Contains("--values off"));
  CHECK(connection.erase("k").status == BUSD_PROTOCOL);
  CHECK(connection.get("k").error().result == BUSD_PROTOCOL);
  CHECK(connection.list().error().result == BUSD_PROTOCOL);
  CHECK(connection.watch({"k"}).error().result == BUSD_PROTOCOL);
  CHECK(busd::Cache::open(connection, {"k"}).error().result == BUSD_PROTOCOL);
  CHECK(connection.update("k", [](const busd::Value*) { return "1"; }).status == BUSD_PROTOCOL);
  CHECK(connection.put_start("k", "1").error().result == BUSD_PROTOCOL);
}

TEST_CASE("What cannot be asked is refused before anything is sent", "[values]") {
  Dialogue with({});
  Client connection(with.hub);
  auto refused = [](const busd::Change& change, const std::string& why) {
    CHECK(change.status == BUSD_INVALID);
    CHECK_THAT(change.message, Contains(why));
  };
  refused(connection.put("", "1"), "key");
  refused(connection.put("a.*", "1"), "pattern");
  refused(connection.put("*", "1"), "pattern");
  refused(connection.put("k", "{"), "value");
  refused(connection.put("k", R"(1,"key":"x")"), "more than one JSON value");
  refused(connection.put("k", "1", {.ttl = std::chrono::milliseconds(-1)}), "ttl_ms");
  refused(connection.put("k", "1", {.ttl = std::chrono::milliseconds(315'360'000'001)}), "ttl_ms");
  refused(connection.put("k", "1", {.durable = static_cast<busd::Durability>(9)}), "durability");
  refused(connection.put("k", '"' + std::string(kMaxValueBytes - 1, 'x') + '"'), "the limit is 1046528");
  refused(connection.erase("a.*"), "pattern");
  CHECK(connection.get("*").error().result == BUSD_INVALID);
  CHECK(connection.list({.limit = 1001}).error().result == BUSD_INVALID);
  CHECK(connection.list({.keys = std::vector<std::string>(65, "k")}).error().result == BUSD_INVALID);
  CHECK(connection.watch({}).error().result == BUSD_INVALID);
  CHECK(connection.watch({""}).error().result == BUSD_INVALID);
  CHECK(connection.watch(std::vector<std::string>(65, "k")).error().result == BUSD_INVALID);
  CHECK_THAT(connection.watch({"k"}, {.since = 1}).error().message, Contains("epoch"));
  CHECK(connection.unwatch(1).error().result == BUSD_INVALID);
  connection.abandon();
  with.hub.finish();
  CHECK(with.said.empty());
}

TEST_CASE("A put sends what it was given, and waits for its answer behind other items", "[values]") {
  Dialogue with({R"({"type":"event","event_type":"t","seq":1,"payload":1})"
                 "\n" +
                     result("1", R"({"version":4,"rev":9})"),
                 result("2", R"({"version":4,"rev":9,"unchanged":true})"),
                 result("3", R"({"version":5,"rev":10})")});
  Client connection(with.hub);
  auto put =
      connection.put("k", " {\"a\": 1.50}\n",
                     {.version = 4, .ttl = std::chrono::seconds(1), .durable = busd::Durability::power});
  REQUIRE(put);
  CHECK(put.version == 4);
  CHECK(put.rev == 9);
  CHECK_FALSE(put.unchanged);
  CHECK(next_item(connection) == "event 1");
  put = connection.put("k", "", {.create = true, .if_changed = true, .while_connected = true});
  CHECK(put.unchanged);
  CHECK(connection.erase("k", {.version = 5}).version == 5);
  connection.abandon();
  with.hub.finish();
  REQUIRE(with.said.size() == 3);
  CHECK(
      with.said[0] ==
      R"({"type":"put","id":"1","key":"k","version":4,"ttl_ms":1000,"durable":"power","value":{"a": 1.50}})");
  CHECK(
      with.said[1] ==
      R"({"type":"put","id":"2","key":"k","create":true,"if_changed":true,"while_connected":true,"value":null})");
  CHECK(with.said[2] == R"({"type":"delete","id":"3","key":"k","version":5})");
}

TEST_CASE("A refusal says by its result what is wrong, and what the key has now", "[values]") {
  Dialogue with({failure("1", "stale", R"({"version":7,"rev":33,"value":"next"})"),
                 failure("2", "exists", R"({"version":7,"rev":33})"), failure("3", "not_found"),
                 failure("4", "store"), R"({"type":"error","code":"bad_frame","message":"odd","id":"5"})",
                 failure("6", "not_found")});
  Client connection(with.hub);
  auto stale = connection.put("k", "1", {.version = 3});
  CHECK(stale.status == BUSD_STALE);
  CHECK(stale.code == "stale");
  CHECK(stale.message == "why");
  REQUIRE(stale.present);
  CHECK(stale.present->version == 7);
  CHECK(stale.present->json == "\"next\"");
  auto exists = connection.put("k", "1", {.create = true});
  CHECK(exists.status == BUSD_EXISTS);
  REQUIRE(exists.present);
  CHECK(exists.present->json.empty());
  auto missing = connection.erase("k");
  CHECK(missing.status == BUSD_NOT_FOUND);
  CHECK_FALSE(missing.present);
  CHECK(connection.put("k", "1").status == BUSD_STORE);
  CHECK(connection.put("k", "1").status == BUSD_INVALID);
  CHECK(connection.get("k").error().result == BUSD_NOT_FOUND);
}

TEST_CASE("A list comes in pages, and a get with all that is known", "[values]") {
  Dialogue with(
      {result("1", R"({"keys":[{"key":"a","version":1,"rev":2,"age_ms":3,"uid":7,"value":[1.0]},)"
                   R"({"key":"b","version":1,"rev":4,"age_ms":3,"uid":7,"value":null}],"next":"b"})"),
       result("2", R"({"key":"a","version":1,"rev":2,"age_ms":3,"ttl_ms":4,"uid":7,"value":[1.0]})")});
  Client connection(with.hub);
  auto page = connection.list({.keys = {"a.*", "b"}, .after = "0", .limit = 2});
  REQUIRE(page);
  REQUIRE(page->values.size() == 2);
  CHECK(page->values[0].key == "a");
  CHECK(page->values[0].json == "[1.0]");
  CHECK(page->values[1].rev == 4);
  CHECK(page->next == "b");
  auto got = connection.get("a");
  REQUIRE(got);
  CHECK(got->json == "[1.0]");
  CHECK(got->uid == 7);
  CHECK(got->age == std::chrono::milliseconds(3));
  CHECK(got->ttl == std::chrono::milliseconds(4));
  connection.abandon();
  with.hub.finish();
  CHECK(with.said[0] == R"({"type":"list","id":"1","keys":["a.*","b"],"after":"0","limit":2})");
  CHECK(with.said[1] == R"({"type":"get","id":"2","key":"a"})");
}

TEST_CASE("What is started is answered by items, in the order of the answers", "[values]") {
  Dialogue with({"", "", "",
                 failure("2", "exists", R"({"version":7,"rev":33,"value":0})") + "\n" +
                     result("1", R"({"version":1,"rev":2})") + "\n" + result("4", R"({"keys":[]})") + "\n" +
                     result("3", R"({"key":"a","version":1,"rev":2,"age_ms":3,"uid":7,"value":8})")});
  Client connection(with.hub);
  REQUIRE(connection.put_start("a", "1").value() == 1);
  REQUIRE(connection.put_start("b", "1", {.create = true}).value() == 2);
  REQUIRE(connection.get_start("a").value() == 3);
  REQUIRE(connection.list_start().value() == 4);
  auto item = next(connection, BUSD_ITEM_ANSWERED);
  CHECK(item.number() == 2);
  CHECK(item.result() == BUSD_EXISTS);
  CHECK(item.change().present->json == "0");
  item = next(connection, BUSD_ITEM_ANSWERED);
  CHECK(item.number() == 1);
  CHECK(item.change().version == 1);
  item = next(connection, BUSD_ITEM_ANSWERED);
  CHECK(item.number() == 4);
  CHECK(item.page().values.empty());
  item = next(connection, BUSD_ITEM_ANSWERED);
  CHECK(item.number() == 3);
  CHECK(item.value().json == "8");
}

TEST_CASE("An answer that does not come in time is not waited for, and is nobody's when it comes late",
          "[values]") {
  std::promise<void> gone;
  ScriptedHub hub({[&](ScriptPeer& peer) {
    welcome(peer);
    gone.get_future().wait_for(std::chrono::seconds(10));
    peer.say(result("1", R"({"version":1,"rev":2})"));
    peer.line();
    peer.say(result("2", R"({"version":2,"rev":3})"));
    peer.wait_for_end();
  }});
  Client connection(hub);
  auto put = connection.put("k", "1", {.timeout = std::chrono::milliseconds(20)});
  CHECK(put.status == BUSD_TIMED_OUT);
  gone.set_value();
  CHECK(connection.put("k", "1").version == 2);
  CHECK(connection.next(std::chrono::milliseconds(0)).error().result == BUSD_TIMED_OUT);
}

TEST_CASE(
    "A break ends what was sent with lost, and what is started meanwhile is sent on the next connection",
    "[values]") {
  std::string second;
  ScriptedHub hub({[](ScriptPeer& peer) { welcome(peer); },
                   [&second](ScriptPeer& peer) {
                     second = welcome(peer);
                     peer.say(result("2", R"({"version":1,"rev":2})"));
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  auto put = connection.put("k", "1");
  CHECK(put.status == BUSD_LOST);
  CHECK_THAT(put.message, Contains("unknown"));
  CHECK(connection.put("k", "2").version == 1);
  connection.abandon();
  hub.finish();
  CHECK(second == R"({"type":"put","id":"2","key":"k","value":2})");
}

TEST_CASE("A hub that comes without values refuses what has waited for it", "[values]") {
  ScriptedHub hub({[](ScriptPeer& peer) { welcome(peer); },
                   [](ScriptPeer& peer) {
                     welcome_without_values(peer);
                     peer.line();
                     peer.say(
                         R"({"type":"error","code":"unknown_type","message":"no type watch","frame":2})");
                     peer.line();
                     peer.say(R"({"type":"error","code":"unknown_type","message":"no type put","id":"3"})");
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  REQUIRE(connection.watch({"a"}).value() == 1);
  CHECK(next_item(connection) == "break");
  (void)connection.put_start("k", "1");
  CHECK(connection.put("k", "1").status == BUSD_PROTOCOL);
}

}  // namespace
}  // namespace bus::test
