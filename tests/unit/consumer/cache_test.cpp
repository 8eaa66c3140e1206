// Cache: what it has after each item, and what it drops when its watch begins anew.
#include "consumer/src/cache.h"

#include <string>
#include <utility>

#include "busd/values.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

constexpr uint64_t kWatch = 7;

busd_text text(const std::string& from) { return {from.data(), from.size()}; }

// A cache, and the items that a connection would give.
struct Fed {
  Cache cache{kWatch, true};

  bool value(const std::string& key, uint64_t version, const std::string& json, bool snapshot = false,
             uint64_t watch = kWatch) {
    auto value = busd_initialised<busd_value>();
    value.key = text(key);
    value.value = text(json);
    value.version = value.rev = version;
    value.snapshot = snapshot ? 1 : 0;
    return give(value, watch);
  }
  bool deletion(const std::string& key, uint64_t version) {
    auto value = busd_initialised<busd_value>();
    value.key = text(key);
    value.version = value.rev = version;
    value.deleted = 1;
    return give(value, kWatch);
  }
  bool synced(bool reset = false) {
    auto synced = busd_initialised<busd_synced>();
    synced.reset = reset ? 1 : 0;
    auto item = busd_initialised<busd_item>();
    item.kind = BUSD_ITEM_SYNCED;
    item.call = kWatch;
    item.synced = &synced;
    return cache.take(item);
  }
  bool plain(busd_item_kind kind, uint64_t number = 0) {
    auto item = busd_initialised<busd_item>();
    item.kind = kind;
    item.call = number;
    return cache.take(item);
  }
  // "key=json" of all, in order.
  std::string all() const {
    std::string out;
    for (const KeyFact* each = cache.next({}); each != nullptr; each = cache.next(each->key))
      out += (out.empty() ? "" : " ") + each->key + "=" + each->value;
    return out;
  }

 private:
  bool give(const busd_value& value, uint64_t watch) {
    auto item = busd_initialised<busd_item>();
    item.kind = BUSD_ITEM_VALUE;
    item.call = watch;
    item.value = &value;
    return cache.take(item);
  }
};

TEST_CASE("A cache has what its watch has told, in the order of the keys' bytes") {
  Fed fed;
  CHECK_FALSE(fed.cache.is_synced());
  CHECK(fed.value("b", 1, "1", true));
  CHECK(fed.value("a", 2, "2", true));
  CHECK_FALSE(fed.cache.is_synced());
  CHECK(fed.synced());
  CHECK(fed.cache.is_synced());
  CHECK(fed.all() == "a=2 b=1");
  CHECK(fed.cache.count() == 2);
  REQUIRE(fed.cache.find("b") != nullptr);
  CHECK(fed.cache.find("b")->version == 1);
  CHECK(fed.cache.find("c") == nullptr);
  CHECK(fed.cache.next("a")->key == "b");
  CHECK(fed.cache.next("b") == nullptr);
}

TEST_CASE("Changes and deletions move the generation, and nothing else does") {
  Fed fed;
  CHECK(fed.cache.generation() == 0);
  fed.value("a", 1, "1", true);
  fed.synced();
  uint64_t before = fed.cache.generation();
  CHECK(before == 1);
  CHECK_FALSE(fed.value("a", 1, "1"));
  CHECK_FALSE(fed.deletion("z", 9));
  CHECK_FALSE(fed.value("a", 2, "2", false, kWatch + 1));
  CHECK_FALSE(fed.plain(BUSD_ITEM_EVENT, kWatch));
  CHECK_FALSE(fed.plain(BUSD_ITEM_RESET));
  CHECK(fed.cache.generation() == before);
  CHECK(fed.value("a", 2, "2"));
  CHECK(fed.cache.generation() == before + 1);
  // In another epoch the same version may be another value.
  CHECK(fed.value("a", 2, "3"));
  CHECK(fed.deletion("a", 3));
  CHECK(fed.cache.generation() == before + 3);
  CHECK(fed.cache.count() == 0);
}

TEST_CASE("An empty set is in sync, too") {
  Fed fed;
  CHECK(fed.synced());
  CHECK(fed.cache.is_synced());
  CHECK(fed.cache.count() == 0);
}

TEST_CASE("A reset drops what was not told again") {
  Fed fed;
  fed.value("a", 1, "1", true);
  fed.value("b", 2, "1", true);
  fed.synced();
  fed.value("c", 3, "1");
  SECTION("after a break") {
    CHECK(fed.plain(BUSD_ITEM_BREAK));
    CHECK_FALSE(fed.cache.is_synced());
    CHECK(fed.all() == "a=1 b=1 c=1");
    fed.value("b", 2, "1", true);
    CHECK(fed.synced(true));
    CHECK(fed.all() == "b=1");
  }
  SECTION("while the watch goes on: its client was too slow") {
    CHECK(fed.value("b", 2, "1", true));
    CHECK_FALSE(fed.cache.is_synced());
    fed.synced(true);
    CHECK(fed.all() == "b=1");
  }
  SECTION("of a hub that has nothing at all") {
    fed.plain(BUSD_ITEM_BREAK);
    uint64_t before = fed.cache.generation();
    CHECK(fed.synced(true));
    CHECK(fed.cache.count() == 0);
    CHECK(fed.cache.generation() != before);
  }
  CHECK(fed.cache.is_synced());
}

TEST_CASE("A watch that goes on without a reset drops nothing") {
  Fed fed;
  fed.value("a", 1, "1", true);
  fed.value("b", 2, "1", true);
  fed.synced();
  fed.plain(BUSD_ITEM_BREAK);
  fed.value("b", 5, "2", true);
  CHECK(fed.synced());
  CHECK(fed.all() == "a=1 b=2");
}

TEST_CASE("What a snapshot told before a break is not part of the next one") {
  Fed fed;
  fed.value("a", 1, "1", true);
  fed.plain(BUSD_ITEM_BREAK);
  fed.value("b", 2, "1", true);
  fed.synced(true);
  CHECK(fed.all() == "b=1");
}

TEST_CASE("A cache whose watch has ended is not in sync, and keeps what it has") {
  Fed fed;
  fed.value("a", 1, "1", true);
  fed.synced();
  CHECK_FALSE(fed.plain(BUSD_ITEM_WATCH_END, kWatch + 1));
  CHECK(fed.cache.is_synced());
  CHECK(fed.plain(BUSD_ITEM_WATCH_END, kWatch));
  CHECK_FALSE(fed.cache.is_synced());
  CHECK(fed.all() == "a=1");
}

}  // namespace
}  // namespace bus::sdk
