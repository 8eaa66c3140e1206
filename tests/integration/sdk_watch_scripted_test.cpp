// Watches and caches in the SDK against hubs that follow a script.
#include <string>
#include <utility>

#include "tests/integration/sdk_values_scripted.h"

namespace bus::test {
namespace {

TEST_CASE("A watch goes on after a break where it was, and nobody else's values are handed out", "[watch]") {
  std::string first;
  std::string second;
  std::string third;
  ScriptedHub hub({[&](ScriptPeer& peer) {
                     first = welcome(peer);
                     peer.say(value("1", "a", 3, true) + "\n" + value("99", "x", 1) + "\n" +
                              synced("1", 5, "e") + "\n" + value("1", "a", 8));
                   },
                   [&](ScriptPeer& peer) {
                     second = welcome(peer);
                     peer.say(value("1", "a", 9, true));
                   },
                   [&](ScriptPeer& peer) {
                     third = welcome(peer);
                     peer.say(value("1", "a", 1, true) + "\n" + synced("1", 2, "f", true));
                     peer.line();
                     peer.say(R"({"type":"response","id":"1"})");
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  auto watch = connection.watch({"a", "b.*"}, {});
  REQUIRE(watch);
  auto item = next(connection, BUSD_ITEM_VALUE);
  CHECK(item.number() == *watch);
  CHECK(item.value().snapshot);
  CHECK(item.value().json == "3");
  item = next(connection, BUSD_ITEM_SYNCED);
  CHECK(item.synced().epoch == "e");
  CHECK_FALSE(item.synced().reset);
  CHECK(next(connection, BUSD_ITEM_VALUE).value().rev == 8);
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  CHECK(next(connection, BUSD_ITEM_VALUE).value().rev == 9);
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  CHECK(next(connection, BUSD_ITEM_VALUE).value().rev == 1);
  item = next(connection, BUSD_ITEM_SYNCED);
  CHECK(item.synced().reset);
  CHECK(item.synced().epoch == "f");
  REQUIRE(connection.unwatch(*watch));
  item = next(connection, BUSD_ITEM_WATCH_END);
  CHECK(item.number() == *watch);
  CHECK(item.result() == BUSD_OK);
  CHECK(connection.unwatch(*watch));
  connection.abandon();
  hub.finish();
  CHECK(first == R"({"type":"watch","id":"1","keys":["a","b.*"]})");
  CHECK(second == R"({"type":"watch","id":"1","keys":["a","b.*"],"since":8,"epoch":"e"})");
  CHECK(third == second);
}

TEST_CASE("A watch can begin where an earlier program stopped", "[watch]") {
  Dialogue with({synced("1", 60, "e")});
  Client connection(with.hub);
  REQUIRE(connection.watch({"*"}, {.values = false, .snapshot = false, .since = 52, .epoch = "e"}));
  CHECK(next(connection, BUSD_ITEM_SYNCED).synced().rev == 60);
  connection.abandon();
  with.hub.finish();
  CHECK(with.said[0] ==
        R"({"type":"watch","id":"1","keys":["*"],"values":false,"snapshot":false,"since":52,"epoch":"e"})");
}

TEST_CASE("A watch that the hub refuses has ended, with the reason", "[watch]") {
  Dialogue with({failure("1", "busy")});
  Client connection(with.hub);
  REQUIRE(connection.watch({"a"}));
  auto item = next(connection, BUSD_ITEM_WATCH_END);
  CHECK(item.result() == BUSD_REJECTED);
  CHECK(item.detail() == "why");
}

TEST_CASE("Values wait for their turn while an answer is awaited", "[watch]") {
  Dialogue with({"", value("1", "a", 3, true) + "\n" + synced("1", 5, "e") + "\n" +
                         result("2", R"({"version":1,"rev":6})") + "\n" + value("1", "b", 6)});
  Client connection(with.hub);
  REQUIRE(connection.watch({"*"}));
  CHECK(connection.put("b", "1").rev == 6);
  CHECK(next(connection, BUSD_ITEM_VALUE).value().key == "a");
  CHECK(next(connection, BUSD_ITEM_SYNCED).synced().rev == 5);
  CHECK(next(connection, BUSD_ITEM_VALUE).value().key == "b");
}

TEST_CASE("A cache is fed by next, through a break and a reset", "[watch]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(value("1", "a", 3, true) + "\n" + value("1", "b", 4, true) + "\n" +
                              synced("1", 5, "e"));
                   },
                   [](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(value("1", "b", 1, true) + "\n" + synced("1", 2, "f", true));
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  auto cache = opened(busd::Cache::open(connection, {"*"}));
  CHECK_FALSE(cache.is_synced());
  while (!cache.is_synced()) REQUIRE(connection.next(kItemPatience));
  CHECK(cache.count() == 2);
  CHECK(cache.get("a")->json == "3");
  CHECK_FALSE(cache.get("c"));
  next(connection, BUSD_ITEM_BREAK);
  CHECK_FALSE(cache.is_synced());
  CHECK(cache.count() == 2);
  busd::Cache moved = std::move(cache);
  while (!moved.is_synced()) REQUIRE(connection.next(kItemPatience));
  auto all = moved.values();
  REQUIRE(all.size() == 1);
  CHECK(all[0].key == "b");
  CHECK(all[0].version == 1);
}

}  // namespace
}  // namespace bus::test
