// Values that a connection holds, against hubs that follow a script: what is put again after a break.
#include <string>
#include <vector>

#include "tests/integration/sdk_values_scripted.h"

namespace bus::test {
namespace {

TEST_CASE("What was held is put again after a break, and an item says so", "[held]") {
  std::string again;
  ScriptedHub hub({[](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(result("1", R"({"version":3,"rev":4})"));
                   },
                   [&again](ScriptPeer& peer) {
                     again = welcome(peer);
                     peer.say(result("2", R"({"version":5,"rev":6})"));
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  REQUIRE(connection.put("lock", R"({"by":"me"})", {.create = true, .while_connected = true}));
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  auto item = next(connection, BUSD_ITEM_HELD);
  CHECK(item.result() == BUSD_OK);
  CHECK(item.value().key == "lock");
  CHECK(item.value().version == 5);
  connection.abandon();
  hub.finish();
  CHECK(again ==
        R"({"type":"put","id":"2","key":"lock","create":true,"while_connected":true,"value":{"by":"me"}})");
}

TEST_CASE("What somebody else holds after a break is not taken from it, and an item says who has what",
          "[held]") {
  std::string third;
  ScriptedHub hub({[](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(result("1", R"({"version":3,"rev":4})"));
                   },
                   [](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(failure("2", "exists", R"({"version":5,"rev":6,"value":"other"})"));
                   },
                   [&third](ScriptPeer& peer) {
                     third = welcome(peer);
                     peer.say(failure("3", "not_found"));
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  REQUIRE(connection.put("lock", "1", {.create = true, .while_connected = true}));
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  auto item = next(connection, BUSD_ITEM_HELD);
  CHECK(item.result() == BUSD_EXISTS);
  CHECK(item.value().key == "lock");
  CHECK(item.value().json == "\"other\"");
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  CHECK(connection.get("lock").error().result == BUSD_NOT_FOUND);
  connection.abandon();
  hub.finish();
  // It is not held any more, so that nothing was put again.
  CHECK(third == R"({"type":"get","id":"3","key":"lock"})");
}

TEST_CASE("A hub that has not seen the old connection go is asked again", "[held]") {
  std::vector<std::string> said;
  ScriptedHub hub({[](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(result("1", R"({"version":3,"rev":4})"));
                   },
                   [&said](ScriptPeer& peer) {
                     said.push_back(welcome(peer));
                     peer.say(failure("2", "exists", R"({"version":3,"rev":4,"value":1})"));
                     said.push_back(peer.line());
                     peer.say(result("3", R"({"version":5,"rev":6})"));
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  REQUIRE(connection.put("lock", "1", {.create = true, .while_connected = true}));
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  CHECK(next(connection, BUSD_ITEM_HELD).result() == BUSD_OK);
  connection.abandon();
  hub.finish();
  REQUIRE(said.size() == 2);
  CHECK(said[1] == R"({"type":"put","id":"3","key":"lock","create":true,"while_connected":true,"value":1})");
}

TEST_CASE("What was deleted or put in another way is not held, and what was refused never was", "[held]") {
  std::string first;
  ScriptedHub hub({[](ScriptPeer& peer) {
                     welcome(peer);
                     peer.say(result("1", R"({"version":1,"rev":1})"));
                     peer.line();
                     peer.say(result("2", R"({"version":1,"rev":2})"));
                     peer.line();
                     peer.say(result("3", R"({"version":2,"rev":3})"));
                     peer.line();
                     peer.say(result("4", R"({"version":2,"rev":4})"));
                     peer.line();
                     peer.say(failure("5", "exists", R"({"version":2,"rev":4})"));
                   },
                   [&first](ScriptPeer& peer) {
                     first = welcome(peer);
                     peer.say(failure("6", "not_found"));
                     peer.wait_for_end();
                   }});
  Client connection(hub);
  const busd::PutOptions held{.while_connected = true};
  REQUIRE(connection.put("a", "1", held));
  REQUIRE(connection.put("b", "1", held));
  REQUIRE(connection.erase("a"));
  REQUIRE(connection.put("b", "1"));
  CHECK(connection.put("c", "1", {.create = true, .while_connected = true}).status == BUSD_EXISTS);
  next(connection, BUSD_ITEM_BREAK);
  next(connection, BUSD_ITEM_RESET);
  CHECK(connection.get("x").error().result == BUSD_NOT_FOUND);
  connection.abandon();
  hub.finish();
  CHECK(first == R"({"type":"get","id":"6","key":"x"})");
}

}  // namespace
}  // namespace bus::test
