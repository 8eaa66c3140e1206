// Values in the SDK against the real hub.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/integration/sdk_calls_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {
namespace {

using std::chrono::milliseconds;

busd::Change put(busd::Connection& connection, const std::string& key, const std::string& json,
                 const busd::PutOptions& options = {}) {
  busd::Change change = connection.put(key, json, options);
  INFO(key << ": " << change.message);
  REQUIRE(change);
  return change;
}

// Takes items until the watch of `number` has a value of `key`.
busd::Value value_of(busd::Connection& connection, uint64_t number, const std::string& key) {
  for (;;) {
    auto item = connection.next(kItemPatience);
    if (!item) FAIL("no value of " << key << ", but: " << item.error().message);
    if (item->is_value() && item->number() == number && item->value().key == key) return item->value();
  }
}

// Takes items until one of that kind has come.
busd::Item until(busd::Connection& connection, busd_item_kind kind) {
  for (;;) {
    auto item = connection.next(kItemPatience);
    if (!item) FAIL("no item of kind " << kind << ", but: " << item.error().message);
    if (item->kind() == kind) return *item;
  }
}

void sync(busd::Connection& connection, const busd::Cache& cache) {
  while (!cache.is_synced()) {
    auto item = connection.next(kItemPatience);
    if (!item) FAIL("not in sync: " << item.error().message);
  }
}

// ---- one value

TEST_CASE("What is put is got as it was, with all that the hub knows", "[values]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  auto change = put(connection, "branch", " {\"n\": 21.50}\n");
  CHECK(change.version >= 1);
  CHECK(change.rev >= 1);
  auto got = connection.get("branch");
  REQUIRE(got);
  CHECK(got->key == "branch");
  CHECK(got->json == "{\"n\": 21.50}");
  CHECK(got->version == change.version);
  CHECK(got->rev == change.rev);
  CHECK(got->uid == ::getuid());
  CHECK(got->ttl == milliseconds(0));
  put(connection, "branch", "", {.ttl = std::chrono::seconds(100)});
  got = connection.get("branch");
  REQUIRE(got);
  CHECK(got->json == "null");
  CHECK(got->ttl > milliseconds(0));
  CHECK(got->ttl <= std::chrono::seconds(100));
  CHECK(connection.get("nothing").error().result == BUSD_NOT_FOUND);
}

TEST_CASE("Versions let through one of two changes, and the other one is told what there is", "[values]") {
  HubProcess hub;
  auto one = peer(hub.socket());
  auto two = peer(hub.socket());
  uint64_t version = put(one, "k", "1", {.create = true}).version;
  auto exists = two.put("k", "2", {.create = true});
  CHECK(exists.status == BUSD_EXISTS);
  REQUIRE(exists.present);
  CHECK(exists.present->version == version);
  CHECK(exists.present->json == "1");
  put(two, "k", "2", {.version = version + 1});
  auto stale = one.put("k", "3", {.version = version + 1});
  CHECK(stale.status == BUSD_STALE);
  REQUIRE(stale.present);
  CHECK(stale.present->json == "2");
  CHECK(one.erase("k", {.version = version + 1}).status == BUSD_STALE);
  CHECK(one.erase("k", {.version = version + 2}).version == version + 2);
  CHECK(one.erase("k").status == BUSD_NOT_FOUND);
  CHECK(two.put("k", "4", {.create = true}).version > version + 2);
}

TEST_CASE("What the hub refuses has its result", "[values]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  CHECK(connection.put("bus.mine", "1").status == BUSD_DENIED);
  CHECK(connection.put("k", "1", {.while_connected = true, .durable = busd::Durability::power}).status ==
        BUSD_INVALID);
  // With a socket of its own the hub has no store.
  CHECK(connection.put("k", "1", {.durable = busd::Durability::power}).status == BUSD_STORE);
}

TEST_CASE("A hub that is full of keys says so, and takes another one when there is room", "[values]") {
  HubProcess hub({"--values-keys", "2"});
  auto connection = peer(hub.socket());
  put(connection, "a", "1");
  put(connection, "b", "1");
  auto change = connection.put("c", "1");
  CHECK(change.status == BUSD_FULL);
  CHECK(change.code == "full");
  CHECK_THAT(change.message, Catch::Matchers::Contains("2 keys, the most that there may be"));
  CHECK(connection.update("c", [](const busd::Value*) { return "1"; }).status == BUSD_FULL);
  REQUIRE(connection.put_start("d", "1"));
  CHECK(until(connection, BUSD_ITEM_ANSWERED).result() == BUSD_FULL);
  put(connection, "a", "2");
  REQUIRE(connection.erase("b"));
  put(connection, "c", "1");
}

TEST_CASE("A hub without values says so to each function, and does all else", "[values]") {
  HubProcess hub({"--values", "off"});
  auto connection = peer(hub.socket());
  auto change = connection.put("k", "1");
  CHECK(change.status == BUSD_PROTOCOL);
  CHECK_THAT(change.message, Catch::Matchers::Contains("--values off"));
  CHECK(connection.erase("k").status == BUSD_PROTOCOL);
  CHECK(connection.get("k").error().result == BUSD_PROTOCOL);
  CHECK(connection.list().error().result == BUSD_PROTOCOL);
  CHECK(connection.watch({"k"}).error().result == BUSD_PROTOCOL);
  CHECK(busd::Cache::open(connection, {"k"}).error().result == BUSD_PROTOCOL);
  CHECK(connection.publish("t", "1"));
  CHECK(connection.flush(kItemPatience));
}

TEST_CASE("A put of what there is already changes nothing, if that is asked for", "[values]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  uint64_t version = put(connection, "k", "[1]").version;
  auto same = put(connection, "k", "[1]", {.if_changed = true});
  CHECK(same.unchanged);
  CHECK(same.version == version);
  CHECK_FALSE(put(connection, "k", "[2]", {.if_changed = true}).unchanged);
}

TEST_CASE("A list comes in pages until there is no next one", "[values]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  for (int n = 0; n < 25; ++n) {
    REQUIRE(connection.put_start("s." + std::to_string(100 + n), std::to_string(n)));
  }
  std::vector<std::string> keys;
  std::string after;
  int pages = 0;
  do {
    auto page = connection.list({.keys = {"s.*"}, .after = after, .limit = 10});
    REQUIRE(page);
    for (const busd::Value& value : page->values) keys.push_back(value.key + "=" + value.json);
    after = page->next;
    ++pages;
  } while (!after.empty());
  CHECK(pages >= 3);
  REQUIRE(keys.size() == 25);
  CHECK(keys.front() == "s.100=0");
  CHECK(keys.back() == "s.124=24");
  CHECK(std::is_sorted(keys.begin(), keys.end()));
  auto names = connection.list({.keys = {"s.100"}, .values = false});
  REQUIRE(names);
  REQUIRE(names->values.size() == 1);
  CHECK(names->values[0].json.empty());
}

TEST_CASE("A value of the largest size goes through put, get, list, stale and watch", "[values]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  std::string large = '"' + std::string(1'046'526, 'x') + '"';
  auto watch = connection.watch({"k"});
  REQUIRE(watch);
  uint64_t version = put(connection, "k", large).version;
  CHECK(connection.put("k", '"' + std::string(1'046'527, 'x') + '"').status == BUSD_INVALID);
  CHECK(connection.get("k").value().json == large);
  CHECK(connection.list().value().values.at(0).json == large);
  CHECK(value_of(connection, *watch, "k").json == large);
  auto change = connection.update("k", [&](const busd::Value* now) {
    CHECK(now->json == large);
    return "1";
  });
  CHECK(change.version == version + 1);
}

TEST_CASE("Two programs that count at once lose no count", "[values]") {
  HubProcess hub;
  // What the updates came to that failed.
  auto count = [&hub] {
    auto connection = peer(hub.socket());
    std::string failures;
    for (int n = 0; n < 100; ++n) {
      auto more = [](const busd::Value* now) { return now ? std::to_string(std::stoi(now->json) + 1) : "1"; };
      auto change = connection.update("count", more);
      if (!change) failures += change.message + "\n";
    }
    return failures;
  };
  std::string other;
  std::thread thread([&] { other = count(); });
  std::string own = count();
  thread.join();
  CHECK(own == "");
  CHECK(other == "");
  auto connection = peer(hub.socket());
  CHECK(connection.get("count").value().json == "200");
}

// ---- watches

TEST_CASE("A watch tells what there is, and then each change, the own ones among them", "[watch]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  auto other = peer(hub.socket());
  put(other, "s.a", "1");
  put(other, "t", "1");
  auto watch = connection.watch({"s.*", "s.a"});
  REQUIRE(watch);
  auto item = expect(connection, BUSD_ITEM_VALUE);
  CHECK(item.value().snapshot);
  CHECK(item.value().json == "1");
  CHECK(expect(connection, BUSD_ITEM_SYNCED).synced().keys == 1);
  put(connection, "s.b", "2");
  CHECK(expect(connection, BUSD_ITEM_VALUE).value().json == "2");
  REQUIRE(other.erase("s.a"));
  item = expect(connection, BUSD_ITEM_VALUE);
  CHECK(item.value().key == "s.a");
  CHECK(item.value().deleted);
  put(other, "s.c", "3", {.ttl = milliseconds(1)});
  while (!item.value().expired) item = expect(connection, BUSD_ITEM_VALUE);
  CHECK(item.value().key == "s.c");
  REQUIRE(connection.unwatch(*watch));
  CHECK(expect(connection, BUSD_ITEM_WATCH_END).result() == BUSD_OK);
  put(other, "s.d", "4");
  CHECK(connection.get("s.d").value().json == "4");
  CHECK(connection.next(milliseconds(0)).error().result == BUSD_TIMED_OUT);
}

TEST_CASE("A cache follows the hub, also through its death", "[watch]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto connection = peer(hub->socket());
  {
    auto other = peer(hub->socket());
    for (int n = 0; n < 100; ++n) REQUIRE(other.put_start("s." + std::to_string(n), std::to_string(n)));
    put(other, "last", "1");
  }
  auto cache = opened(busd::Cache::open(connection, {"*"}));
  sync(connection, cache);
  CHECK(cache.count() == 101);
  CHECK(cache.get("s.42")->json == "42");
  CHECK_FALSE(cache.get("bus.hub"));
  put(connection, "s.42", "43", {.version = cache.get("s.42")->version + 1});
  while (cache.get("s.42")->json != "43") REQUIRE(connection.next(kItemPatience));

  hub->kill();
  until(connection, BUSD_ITEM_BREAK);
  CHECK_FALSE(cache.is_synced());
  CHECK(cache.count() == 101);
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  CHECK(until(connection, BUSD_ITEM_SYNCED).synced().reset);
  CHECK(cache.is_synced());
  CHECK(cache.count() == 0);
}

TEST_CASE("A watch goes on where an earlier program stopped", "[watch]") {
  HubProcess hub;
  auto other = peer(hub.socket());
  put(other, "a", "1");
  put(other, "b", "1");
  busd::WatchOptions options;
  {
    auto connection = peer(hub.socket());
    REQUIRE(connection.watch({"*"}));
    auto item = until(connection, BUSD_ITEM_SYNCED);
    options.since = item.synced().rev;
    options.epoch = item.synced().epoch;
  }
  put(other, "b", "2");
  REQUIRE(other.erase("a"));
  auto connection = peer(hub.socket());
  auto watch = connection.watch({"*"}, options);
  REQUIRE(watch);
  CHECK(expect(connection, BUSD_ITEM_VALUE).value().json == "2");
  CHECK(expect(connection, BUSD_ITEM_VALUE).value().deleted);
  CHECK_FALSE(expect(connection, BUSD_ITEM_SYNCED).synced().reset);
}

TEST_CASE("A watch that is not taken gets the newest state of each key in the end", "[watch]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  auto watch = connection.watch({"hot"});
  REQUIRE(watch);
  expect(connection, BUSD_ITEM_SYNCED);
  auto other = peer(hub.socket());
  std::string filling(4000, 'x');
  constexpr int kPuts = 2000;
  uint64_t last = 0;
  for (int n = 1; n <= kPuts; ++n) {
    auto change = put(other, "hot", R"({"n":)" + std::to_string(n) + R"(,"x":")" + filling + "\"}");
    last = change.version;
  }
  uint64_t told = 0;
  uint64_t skipped = 0;
  for (busd::Value value; value.version != last; ++told) {
    uint64_t before = value.version;
    value = value_of(connection, *watch, "hot");
    CHECK(value.version > before);
    skipped += value.skipped;
  }
  CHECK(told + skipped == kPuts);
  CHECK(told < kPuts);
}

TEST_CASE("The hub's own state is watched as any other", "[watch]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  auto cache = opened(busd::Cache::open(connection, {"bus.*"}));
  sync(connection, cache);
  REQUIRE(cache.get("bus.hub"));
  CHECK(cache.get("bus.hub")->json.find("\"pid\":" + std::to_string(hub.pid())) != std::string::npos);
  auto source = peer(hub.socket(), "clock");
  while (!cache.get("bus.source.clock")) REQUIRE(connection.next(kItemPatience));
  CHECK(cache.get("bus.source.clock")->json.find("connected") != std::string::npos);
}

// ---- while connected

constexpr busd::PutOptions kLock{.create = true, .while_connected = true};

TEST_CASE("A lock is free when the connection of its holder ends, and those that watch learn of it",
          "[held]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  auto watch = connection.watch({"lock"});
  REQUIRE(watch);
  expect(connection, BUSD_ITEM_SYNCED);
  auto holder = peer(hub.socket());
  put(holder, "lock", "1", kLock);
  CHECK(connection.put("lock", "2", kLock).status == BUSD_EXISTS);
  CHECK_FALSE(value_of(connection, *watch, "lock").deleted);
  holder.abandon();
  auto value = value_of(connection, *watch, "lock");
  CHECK(value.deleted);
  CHECK_FALSE(value.expired);
  put(connection, "lock", "2", kLock);
}

TEST_CASE("What was held is put again at the next hub, unless somebody has it there", "[held]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto connection = peer(hub->socket());
  put(connection, "here", "1", {.while_connected = true});
  put(connection, "gone", "1", {.while_connected = true});
  REQUIRE(connection.erase("gone"));
  put(connection, "late", "1", {.ttl = milliseconds(1), .while_connected = true});
  hub->kill();
  until(connection, BUSD_ITEM_BREAK);
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto item = until(connection, BUSD_ITEM_HELD);
  CHECK(item.result() == BUSD_OK);
  CHECK(item.value().key == "here");
  auto other = peer(hub->socket());
  CHECK(other.put("here", "2", kLock).status == BUSD_EXISTS);
  CHECK(other.get("gone").error().result == BUSD_NOT_FOUND);
  CHECK(other.get("late").error().result == BUSD_NOT_FOUND);
  // The other one takes it over, as it may; from then on the first one cannot have it again.
  put(other, "here", "2", {.while_connected = true});
  hub->kill();
  until(connection, BUSD_ITEM_BREAK);
  until(other, BUSD_ITEM_BREAK);
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  CHECK(until(other, BUSD_ITEM_HELD).result() == BUSD_OK);
  item = until(connection, BUSD_ITEM_HELD);
  CHECK(item.result() == BUSD_EXISTS);
  CHECK(item.value().json == "2");
}

}  // namespace
}  // namespace bus::test
