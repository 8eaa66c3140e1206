// Watches, Holds and the hub's answers: where a watch goes on, what is held again, what an error comes to.
#include <string>
#include <utility>
#include <vector>

#include "consumer/src/holds.h"
#include "consumer/src/value_answers.h"
#include "consumer/src/watches.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

constexpr TimePoint kStart = TimePoint() + seconds(100);

Item value(uint64_t watch, uint64_t rev, bool snapshot = false, std::string json = "1") {
  Item item;
  item.kind = ItemKind::value;
  item.number = watch;
  item.news.keys.resize(1);
  item.news.keys[0].key = "k";
  item.news.keys[0].rev = rev;
  item.news.keys[0].snapshot = snapshot;
  item.news.keys[0].value = std::move(json);
  return item;
}
Item synced(uint64_t watch, uint64_t rev, const std::string& epoch, bool reset = false) {
  Item item;
  item.kind = ItemKind::synced;
  item.number = watch;
  item.news.rev = rev;
  item.news.epoch = epoch;
  item.news.reset = reset;
  return item;
}
Item response(const std::string& id, std::optional<CallError> error = {}) {
  Item item;
  item.kind = ItemKind::call_end;
  item.call = Response{id, {}, {}, std::move(error)};
  return item;
}
Item refused(const std::string& id, uint64_t frame) {
  Item item;
  item.kind = ItemKind::refused;
  item.error = {ErrorCode::unknown_type, "no such type", id, frame};
  return item;
}

// Watch 7 for "a.*", asked for as frame 2.
Watches opened(Watch what = {}) {
  Watches watches;
  what.keys = {"a.*"};
  watches.open(7, std::move(what));
  watches.asked(7, 2);
  return watches;
}

bool take(Watches& watches, Item item) { return watches.on_item(item); }

// Where the watch would go on: "rev epoch", or "-" for from the start.
std::string resumes(const Watches& watches) {
  Watch what = watches.question(7);
  return what.since ? std::to_string(*what.since) + " " + what.epoch : "-";
}

TEST_CASE("A watch goes on after the last change that came behind synced") {
  Watches watches = opened();
  CHECK(watches.question(7).id == "7");
  CHECK(resumes(watches) == "-");
  CHECK(take(watches, value(7, 40, true)));
  CHECK(resumes(watches) == "-");
  CHECK(take(watches, synced(7, 43, "e")));
  CHECK(resumes(watches) == "43 e");
  CHECK(take(watches, value(7, 51)));
  CHECK(resumes(watches) == "51 e");
  watches.on_break();
  CHECK(watches.unasked() == std::vector<uint64_t>{7});
  CHECK(resumes(watches) == "51 e");
}

TEST_CASE("What a resumed watch is told before synced is no place to go on from") {
  Watches watches = opened();
  take(watches, synced(7, 43, "e"));
  watches.on_break();
  watches.asked(7, 2);
  CHECK(take(watches, value(7, 90, true)));
  CHECK(take(watches, value(7, 91, false)));
  CHECK(resumes(watches) == "43 e");
  watches.on_break();
  CHECK(resumes(watches) == "43 e");
}

TEST_CASE("A snapshot that the hub begins while the watch goes on moves nothing until its synced") {
  Watches watches = opened();
  take(watches, synced(7, 43, "e"));
  take(watches, value(7, 50));
  CHECK(take(watches, value(7, 12, true)));
  CHECK(take(watches, value(7, 60, false)));
  CHECK(resumes(watches) == "50 e");
  Item end = synced(7, 61, "e", true);
  CHECK(watches.on_item(end));
  CHECK(end.news.reset);
  CHECK(resumes(watches) == "61 e");
}

TEST_CASE("A snapshot that a break has cut off is told anew, and its synced is a reset") {
  Watches watches = opened();
  take(watches, value(7, 40, true));
  watches.on_break();
  watches.on_break();  // another attempt that led to nothing
  watches.asked(7, 2);
  CHECK(resumes(watches) == "-");
  Item end = synced(7, 43, "e");
  CHECK(watches.on_item(end));
  CHECK(end.news.reset);
  end = synced(7, 44, "e");
  CHECK(watches.on_item(end));
  CHECK_FALSE(end.news.reset);
}

TEST_CASE("A watch that was told nothing before the break is not a reset") {
  Watches watches = opened();
  watches.on_break();
  watches.asked(7, 2);
  Item end = synced(7, 43, "e");
  CHECK(watches.on_item(end));
  CHECK_FALSE(end.news.reset);
}

TEST_CASE("A value without a value is null, unless the key is deleted or values were not asked for") {
  Watches watches = opened();
  Item item = value(7, 1, false, "");
  CHECK(watches.on_item(item));
  CHECK(item.news.keys[0].value == "null");
  item = value(7, 2, false, "");
  item.news.keys[0].deleted = true;
  CHECK(watches.on_item(item));
  CHECK(item.news.keys[0].value.empty());
  Watch versions;
  versions.values = false;
  watches = opened(versions);
  item = value(7, 1, false, "");
  CHECK(watches.on_item(item));
  CHECK(item.news.keys[0].value.empty());
}

TEST_CASE("What is told of a watch that there is not, or that is left, is nobody's") {
  Watches watches = opened();
  CHECK_FALSE(take(watches, value(8, 1)));
  CHECK_FALSE(take(watches, synced(8, 1, "e")));
  CHECK(watches.leave(7));
  CHECK_FALSE(watches.leave(7));
  CHECK_FALSE(take(watches, value(7, 1)));
  bool over = false;
  Item end = response("7");
  CHECK(watches.on_answer(end, over));
  CHECK(over);
  CHECK(end.kind == ItemKind::watch_end);
  CHECK(end.number == 7);
  CHECK(end.news.result == BUSD_OK);
  CHECK_FALSE(watches.has(7));
  CHECK(watches.was_opened(7));
  CHECK_FALSE(watches.was_opened(8));
}

TEST_CASE("A watch that is left while there is no connection has ended") {
  Watches watches = opened();
  CHECK(watches.end_left().empty());
  watches.on_break();
  CHECK_FALSE(watches.leave(7));
  CHECK(watches.end_left() == std::vector<uint64_t>{7});
  CHECK_FALSE(watches.has(7));
}

TEST_CASE("The hub's refusal ends a watch, by its id or by its frame") {
  Watches watches = opened();
  bool over = false;
  Item end = response("7", CallError{"busy", "too many watches", "hub", {}});
  CHECK(watches.on_answer(end, over));
  CHECK(end.news.result == BUSD_REJECTED);
  CHECK(end.news.code == "busy");
  CHECK(end.detail == "too many watches");

  watches = opened();
  end = refused("", 3);
  CHECK_FALSE(watches.on_answer(end, over));
  end = refused("", 2);
  CHECK(watches.on_answer(end, over));
  CHECK(end.number == 7);
  CHECK(end.news.result == BUSD_PROTOCOL);

  watches = opened();
  end = refused("7", 0);
  CHECK(watches.on_answer(end, over));
  CHECK_FALSE(watches.has(7));
  end = response("sync-7");
  CHECK_FALSE(watches.on_answer(end, over));
}

TEST_CASE("A hub that stops ends no watch") {
  Watches watches = opened();
  take(watches, synced(7, 43, "e"));
  bool over = true;
  Item end = response("7", CallError{"stopping", "the hub stops", "hub", {}});
  CHECK(watches.on_answer(end, over));
  CHECK_FALSE(over);
  watches.on_break();
  CHECK(watches.unasked() == std::vector<uint64_t>{7});
  CHECK(resumes(watches) == "43 e");
}

// ---- holds

// The rev is that of the version, for short.
ValueNews refusal(busd_result result, uint64_t version) {
  ValueNews news;
  news.result = result;
  news.keys.resize(1);
  news.keys[0].version = news.keys[0].rev = version;
  return news;
}
ValueNews made(uint64_t version) {
  ValueNews news;
  news.version = news.rev = version;
  return news;
}

// Holds "lock" at version 5.
Holds held(std::optional<uint64_t> ttl_ms = {}) {
  Holds holds;
  Holds::Hold hold;
  hold.value = "{}";
  hold.version = hold.rev = 5;
  hold.ttl_ms = ttl_ms;
  if (ttl_ms) hold.expires = kStart + milliseconds(*ttl_ms);
  holds.add("lock", hold);
  return holds;
}

TEST_CASE("What was held is created again, and stays held") {
  Holds holds = held();
  REQUIRE(holds.begin_again(kStart) == std::vector<std::string>{"lock"});
  Put put = holds.question("lock");
  CHECK(put.create);
  CHECK_FALSE(put.version);
  CHECK(put.while_connected);
  CHECK(put.value == "{}");
  CHECK(holds.on_answer("lock", made(8), kStart) == Holds::Next::kept);
  CHECK(holds.has("lock"));
}

TEST_CASE("What somebody else has put meanwhile is held no longer") {
  Holds holds = held();
  (void)holds.begin_again(kStart);
  CHECK(holds.on_answer("lock", refusal(BUSD_EXISTS, 7), kStart) == Holds::Next::lost);
  CHECK_FALSE(holds.has("lock"));
}

TEST_CASE("A key that the old connection may still have is asked for again, and never replaced") {
  Holds holds = held();
  (void)holds.begin_again(kStart);
  REQUIRE(holds.on_answer("lock", refusal(BUSD_EXISTS, 5), kStart) == Holds::Next::ask_again);
  Put put = holds.question("lock");
  CHECK(put.create);
  CHECK_FALSE(put.version);
  SECTION("it succeeds") {
    CHECK(holds.on_answer("lock", made(7), kStart) == Holds::Next::kept);
    // The next break begins with that version.
    (void)holds.begin_again(kStart);
    CHECK(holds.on_answer("lock", refusal(BUSD_EXISTS, 7), kStart) == Holds::Next::ask_again);
    CHECK(holds.on_answer("lock", refusal(BUSD_EXISTS, 5), kStart) == Holds::Next::lost);
  }
  SECTION("somebody else was faster") {
    CHECK(holds.on_answer("lock", refusal(BUSD_EXISTS, 7), kStart) == Holds::Next::lost);
  }
  SECTION("somebody else has the same version at another hub") {
    ValueNews news = refusal(BUSD_EXISTS, 5);
    news.keys[0].rev = 6;
    CHECK(holds.on_answer("lock", news, kStart) == Holds::Next::lost);
  }
}

TEST_CASE("A hold that others keep away is given up after some tries") {
  Holds holds = held();
  (void)holds.begin_again(kStart);
  int tries = 1;
  while (holds.on_answer("lock", refusal(BUSD_EXISTS, 5), kStart) == Holds::Next::ask_again) ++tries;
  CHECK(tries == 8);
  CHECK_FALSE(holds.has("lock"));
}

TEST_CASE("What would have expired is not put again") {
  Holds holds = held(50);
  CHECK(holds.begin_again(kStart + milliseconds(49)) == std::vector<std::string>{"lock"});
  CHECK(holds.question("lock").ttl_ms == 50U);
  CHECK(holds.begin_again(kStart + milliseconds(50)).empty());
  CHECK_FALSE(holds.has("lock"));
}

TEST_CASE("What was dropped or cannot be put is not held") {
  Holds holds = held();
  holds.drop("other");
  CHECK(holds.has("lock"));
  holds.drop("lock");
  CHECK(holds.begin_again(kStart).empty());
  holds = held();
  (void)holds.begin_again(kStart);
  ValueNews full;
  full.result = BUSD_FULL;
  CHECK(holds.on_answer("lock", full, kStart) == Holds::Next::lost);
}

// ---- answers

Item answer(std::string_view result, ValueNews::Of of) {
  Item item;
  Response response;
  response.result = result;
  read_answer(response, of, item);
  return item;
}
Item failure(const std::string& code, std::string_view data = {}) {
  Item item;
  item.detail = "of the item before";
  Response response;
  response.error = CallError{code, "why", "hub", data};
  read_answer(response, ValueNews::Of::change, item);
  return item;
}

TEST_CASE("Answers are read, with members that later versions add") {
  Item item = answer(R"({"version":3,"rev":9,"unchanged":true,"later":1})", ValueNews::Of::change);
  CHECK(item.news.result == BUSD_OK);
  CHECK(item.news.version == 3);
  CHECK(item.news.rev == 9);
  CHECK(item.news.unchanged);

  item = answer(R"({"key":"a\u0062","version":3,"rev":9,"age_ms":5,"uid":1000,"value": 1.50})",
                ValueNews::Of::get);
  REQUIRE(item.news.keys.size() == 1);
  CHECK(item.news.keys[0].key == "ab");
  CHECK(item.news.keys[0].uid == 1000);
  CHECK(item.news.keys[0].ttl_ms == 0);
  CHECK(item.news.keys[0].value == "1.50");
  item = answer(R"({"key":"a","version":3,"rev":9,"age_ms":5,"uid":0,"value":null})", ValueNews::Of::get);
  CHECK(item.news.keys[0].value == "null");

  item = answer(R"({"keys":[{"key":"a","version":1,"rev":2,"age_ms":3,"ttl_ms":4,"uid":0},)"
                R"({"key":"b","version":1,"rev":2,"age_ms":3,"uid":0,"value":[]}],"next":"b"})",
                ValueNews::Of::list);
  REQUIRE(item.news.keys.size() == 2);
  CHECK(item.news.keys[0].ttl_ms == 4);
  CHECK(item.news.keys[0].value.empty());
  CHECK(item.news.keys[1].value == "[]");
  CHECK(item.news.next == "b");
  CHECK(answer(R"({"keys":[]})", ValueNews::Of::list).news.next.empty());
}

TEST_CASE("An answer that is none is a fault of the hub, and says what is wrong") {
  for (std::string_view result : {"", "7", "[]", R"({"version":"3","rev":1})", R"({"version":-1,"rev":1})"}) {
    Item item = answer(result, ValueNews::Of::change);
    INFO(result);
    CHECK(item.news.result == BUSD_PROTOCOL);
    CHECK(item.detail.find("the hub's answer") == 0);
  }
  CHECK(answer(R"({"version":1,"rev":1,"age_ms":0,"uid":0})", ValueNews::Of::get).news.result ==
        BUSD_PROTOCOL);
  CHECK(answer(R"({"keys":[7]})", ValueNews::Of::list).news.result == BUSD_PROTOCOL);
}

TEST_CASE("Each code of an error comes to a result") {
  CHECK(failure("not_found").news.result == BUSD_NOT_FOUND);
  CHECK(failure("full").news.result == BUSD_FULL);
  CHECK(failure("store").news.result == BUSD_STORE);
  CHECK(failure("not_allowed").news.result == BUSD_DENIED);
  CHECK(failure("bad_args").news.result == BUSD_INVALID);
  CHECK(failure("too_large").news.result == BUSD_INVALID);
  CHECK(failure("busy").news.result == BUSD_REJECTED);
  CHECK(failure("stopping").news.result == BUSD_REJECTED);
  CHECK(failure("timeout").news.result == BUSD_TIMED_OUT);
  CHECK(failure("lost").news.result == BUSD_LOST);
  CHECK(failure("unknown_type").news.result == BUSD_PROTOCOL);
  CHECK(failure("of.a.later.version").news.result == BUSD_FAILED);
  Item item = failure("full");
  CHECK(item.news.code == "full");
  CHECK(item.detail == "why");
  CHECK(item.news.keys.empty());
}

TEST_CASE("What a key has now comes with stale and exists") {
  Item item = failure("stale", R"({"version":7,"rev":33,"value":"next"})");
  CHECK(item.news.result == BUSD_STALE);
  REQUIRE(item.news.keys.size() == 1);
  CHECK(item.news.keys[0].version == 7);
  CHECK(item.news.keys[0].value == "\"next\"");
  item = failure("stale", R"({"version":8,"rev":34,"deleted":true})");
  CHECK(item.news.keys.at(0).deleted);
  item = failure("exists", R"({"version":1,"rev":1})");
  CHECK(item.news.result == BUSD_EXISTS);
  CHECK(item.news.keys.at(0).value.empty());
  CHECK(failure("stale").news.keys.empty());
  CHECK(failure("stale", "[1]").news.keys.empty());
  CHECK(failure("full", R"({"version":1,"rev":1})").news.keys.empty());
}

}  // namespace
}  // namespace bus::sdk
