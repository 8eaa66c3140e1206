// Values in the SDK against hubs that follow a script: what is sent, and what each answer comes to.
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/integration/sdk_support.h"

namespace bus::test {
namespace {

using Script = ScriptedHub::Script;
using Catch::Matchers::Contains;

constexpr const char* kWelcome =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns","calls","values"]})";

// The first line after the hello.
std::string welcome(ScriptPeer& peer) {
  peer.line();
  peer.say(kWelcome);
  return peer.line();
}
// What says that it can do everything but values.
void welcome_without_values(ScriptPeer& peer) {
  peer.line();
  peer.say(
      R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns","calls"]})");
}

std::string result(const std::string& id, const std::string& json) {
  return R"({"type":"response","id":")" + id + R"(","result":)" + json + "}";
}
std::string failure(const std::string& id, const std::string& code, const std::string& data = "") {
  return R"({"type":"response","id":")" + id + R"(","error":{"code":")" + code +
         R"(","message":"why","by":"hub")" + (data.empty() ? "" : R"(,"data":)" + data) + "}}";
}
std::string value(const std::string& watch, const std::string& key, int n, bool snapshot = false) {
  return R"({"type":"value","watch":")" + watch + R"(","key":")" + key + R"(","version":)" +
         std::to_string(n) + R"(,"rev":)" + std::to_string(n) + (snapshot ? R"(,"snapshot":true)" : "") +
         R"(,"age_ms":0,"value":)" + std::to_string(n) + "}";
}
std::string synced(const std::string& watch, int rev, const std::string& epoch, bool reset = false) {
  return R"({"type":"synced","watch":")" + watch + R"(","rev":)" + std::to_string(rev) + R"(,"epoch":")" +
         epoch + R"(","keys":0)" + (reset ? R"(,"reset":true)" : "") + "}";
}

// A connection that leaves without a word, because no script answers a flush.
struct Client : busd::Connection {
  explicit Client(const ScriptedHub& hub)
      : busd::Connection(open_connection({.socket = hub.socket(), .no_start = true})) {}
  ~Client() {
    if (handle() != nullptr) abandon();
  }
};

// A hub for one connection: answers the n-th line after the hello with the n-th text, and writes the lines down.
struct Dialogue {
  explicit Dialogue(std::vector<std::string> answers)
      : hub({[this, answers = std::move(answers)](ScriptPeer& peer) {
          peer.line();
          peer.say(kWelcome);
          for (const std::string& each : answers) {
            said.push_back(peer.line());
            if (!each.empty()) peer.say(each);
          }
          for (std::string line = peer.line(); !line.empty(); line = peer.line()) said.push_back(line);
        }}) {}
  std::vector<std::string> said;
  ScriptedHub hub;
};

busd::Item next(busd::Connection& connection, busd_item_kind kind) {
  auto item = connection.next(kItemPatience);
  if (!item) FAIL("no item, but: " << busd_result_name(item.error().result) << ": " << item.error().message);
  INFO("kind " << item->kind() << " " << item->detail());
  REQUIRE(item->kind() == kind);
  return *item;
}

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

// ---- watches

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

// ---- update

// Appends "+" to what there is.
std::optional<std::string> appended(const busd::Value* now) {
  if (now == nullptr) return R"("+")";
  return now->json.substr(0, now->json.size() - 1) + "+\"";
}

TEST_CASE("An update puts the next version, and tries again with what stale carries", "[update]") {
  Dialogue with({result("1", R"({"key":"k","version":4,"rev":9,"age_ms":0,"uid":0,"value":"a"})"),
                 failure("2", "stale", R"({"version":5,"rev":10,"value":"b"})"),
                 failure("3", "stale", R"({"version":6,"rev":11,"deleted":true})"),
                 failure("4", "exists", R"({"version":7,"rev":12,"value":"c"})"),
                 result("5", R"({"version":8,"rev":13})")});
  Client connection(with.hub);
  auto change = connection.update("k", appended, {.durable = busd::Durability::memory});
  REQUIRE(change);
  CHECK(change.version == 8);
  connection.abandon();
  with.hub.finish();
  REQUIRE(with.said.size() == 5);
  CHECK(with.said[0] == R"({"type":"get","id":"1","key":"k"})");
  CHECK(with.said[1] == R"({"type":"put","id":"2","key":"k","version":5,"durable":"memory","value":"a+"})");
  CHECK(with.said[2] == R"({"type":"put","id":"3","key":"k","version":6,"durable":"memory","value":"b+"})");
  CHECK(with.said[3] == R"({"type":"put","id":"4","key":"k","create":true,"durable":"memory","value":"+"})");
  CHECK(with.said[4] == R"({"type":"put","id":"5","key":"k","version":8,"durable":"memory","value":"c+"})");
}

TEST_CASE("An update asks for a value that stale does not carry", "[update]") {
  Dialogue with({failure("1", "not_found"), failure("2", "exists", R"({"version":5,"rev":10})"),
                 result("3", R"({"key":"k","version":6,"rev":11,"age_ms":0,"uid":0,"value":"long"})"),
                 result("4", R"({"version":7,"rev":12})")});
  Client connection(with.hub);
  CHECK(connection.update("k", appended).version == 7);
  connection.abandon();
  with.hub.finish();
  CHECK(with.said[1] == R"({"type":"put","id":"2","key":"k","create":true,"value":"+"})");
  CHECK(with.said[3] == R"({"type":"put","id":"4","key":"k","version":7,"value":"long+"})");
}

TEST_CASE("An update gives up after its tries, with the last refusal", "[update]") {
  std::vector<std::string> answers{
      result("1", R"({"key":"k","version":1,"rev":1,"age_ms":0,"uid":0,"value":"a"})")};
  for (int n = 0; n < 100; ++n)
    answers.push_back(failure(std::to_string(n + 2), "stale", R"({"version":5,"rev":10,"value":"b"})"));
  Dialogue with(answers);
  Client connection(with.hub);
  int calls = 0;
  auto change = connection.update("k", [&](const busd::Value*) { return std::to_string(++calls); });
  CHECK(change.status == BUSD_STALE);
  CHECK(calls == 100);
  CHECK(change.present->version == 5);
  connection.abandon();
  with.hub.finish();
  CHECK(with.said.size() == 101);
}

TEST_CASE("An updater may leave the key as it is, and delete it", "[update]") {
  Dialogue with({result("1", R"({"key":"k","version":4,"rev":9,"age_ms":0,"uid":0,"value":1})"),
                 result("2", R"({"key":"k","version":4,"rev":9,"age_ms":0,"uid":0,"value":1})"),
                 result("3", R"({"version":5,"rev":10})")});
  Client connection(with.hub);
  auto change = connection.update("k", [](const busd::Value*) { return std::optional<std::string>(); });
  REQUIRE(change);
  CHECK(change.unchanged);
  CHECK(change.version == 4);
  auto raw = BUSD_INIT(busd_change);
  auto erase = [](void*, const busd_value*, busd_text*) { return BUSD_UPDATE_DELETE; };
  CHECK(busd_connection_update(connection.handle(), {"k", 1}, erase, nullptr, nullptr, &raw, nullptr) ==
        BUSD_OK);
  CHECK(raw.version == 5);
  connection.abandon();
  with.hub.finish();
  CHECK(with.said[2] == R"({"type":"delete","id":"3","key":"k","version":5})");
}

TEST_CASE("An update begins with what a cache has, without a question", "[update]") {
  Dialogue with({value("1", "k", 4, true) + "\n" + synced("1", 5, "e"),
                 result("2", R"({"version":5,"rev":6})"), result("3", R"({"version":1,"rev":7})")});
  Client connection(with.hub);
  auto cache = opened(busd::Cache::open(connection, {"*"}));
  while (!cache.is_synced()) REQUIRE(connection.next(kItemPatience));
  auto one_more = [](const busd::Value* now) { return now ? std::to_string(std::stoi(now->json) + 1) : "0"; };
  CHECK(connection.update("k", one_more, {}, cache.handle()).version == 5);
  CHECK(connection.update("new", one_more, {}, cache.handle()).version == 1);
  connection.abandon();
  with.hub.finish();
  CHECK(with.said[1] == R"({"type":"put","id":"2","key":"k","version":5,"value":5})");
  CHECK(with.said[2] == R"({"type":"put","id":"3","key":"new","create":true,"value":0})");
}

// ---- while connected

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
