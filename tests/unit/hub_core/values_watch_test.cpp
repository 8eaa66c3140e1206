// Watches in the room of values, by the sentences of PROTOCOL.md 11, and what slow ones cost.
#include <algorithm>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/unit/hub_core/value_rig.h"

using namespace bus;
using namespace bus::test;
using hub::PeerId;
using Lines = std::vector<std::string>;

namespace {

hub::HubConfig small_config() {
  hub::HubConfig config = rig_config();
  config.max_connections = 64;
  config.value_limits = {100, size_t{4} << 20U};
  config.memory = hub::Budget::least_memory(config.max_connections, config.value_limits);
  return config;
}

StatusResponse::Memory::Pool replies_of(ValueRig& rig) {
  auto pools = rig.status().memory.pools;
  auto replies =
      std::find_if(pools.begin(), pools.end(), [](const auto& pool) { return pool.pool == "replies"; });
  REQUIRE(replies != pools.end());
  return *replies;
}

std::string large_value(int which) {
  return '"' + std::string(1'000'000, static_cast<char>('a' + which)) + '"';
}

}  // namespace

TEST_CASE("A watch gets a snapshot, then synced, then each change once, its own client's too") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.put_now(id, "s.a", "1");
  rig.put_now(id, "other", "1");
  rig.put_now(id, "s.b", "2");
  rig.put_now(id, "s.gone", "2");
  rig.remove_now(id, "s.gone");
  // Patterns that match one key twice deliver it once.
  rig.watch(id, "w", R"("s.*","s.a","s.a","*")");
  CHECK(rig.seen(id) ==
        Lines{"s.a v1 r2 snapshot 1", "other v1 r3 snapshot 1", "s.b v1 r4 snapshot 2", "synced r6 keys3"});
  rig.put(id, "p", "s.a", "5");
  Lines lines = rig.lines(id);
  REQUIRE(lines.size() == 2);
  CHECK(ValueRig::answer_in(lines[0]) == "v2 r7");
  CHECK(lines[1] == R"({"type":"value","watch":"w","key":"s.a","version":2,"rev":7,"age_ms":0,"value":5})");
  rig.remove_now(id, "nothing");
  rig.remove(id, "d", "s.a");
  lines = rig.lines(id);
  CHECK(ValueRig::seen_in(lines[1]) == "s.a v3 r8 deleted");
}

TEST_CASE("A watch of few keys among many is sent them in the order of their revs") {
  ValueRig rig;
  PeerId id = rig.client();
  for (int i = 0; i < 1000; ++i) rig.put_now(id, "k." + std::to_string(i), "0");
  rig.put_now(id, "k.7", "1");
  PeerId watcher = rig.client();
  rig.set_room(watcher, 0);
  rig.get(watcher, "g", "k.1");
  rig.watch(watcher, "w", R"("k.9","k.7","k.3")");
  rig.put_now(id, "k.3", "2");
  rig.set_room(watcher, kEndless);
  Lines seen = rig.seen(watcher);
  CHECK(Lines(seen.begin() + 1, seen.end()) == Lines{"k.9 v1 r11 snapshot 0", "k.7 v2 r1002 snapshot 1",
                                                     "k.3 v2 r1003 snapshot skipped1 2",
                                                     "synced r1003 keys3"});
}

TEST_CASE("Without a snapshot, and without values") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.put_now(id, "k", "1");
  PeerId watcher = rig.client();
  rig.watch(watcher, "w", R"("*")", R"(,"snapshot":false,"values":false)");
  CHECK(rig.seen(watcher) == Lines{"synced r2 keys0"});
  rig.put_now(id, "k", "2");
  CHECK(rig.seen(watcher) == Lines{"k v2 r3"});
}

TEST_CASE("A slow watcher gets the newest state of each key once, with what it has missed") {
  ValueRig rig;
  PeerId id = rig.client();
  PeerId slow = rig.client();
  rig.watch(slow, "w", R"("*")");
  rig.seen(slow);
  rig.set_room(slow, 0);
  for (int i = 0; i < 100; ++i) {
    rig.put_now(id, "hot", std::to_string(i));
    rig.put_now(id, "cold." + std::to_string(i % 5), std::to_string(i));
  }
  rig.remove_now(id, "cold.0");
  CHECK(rig.status().values->behind == 1);
  rig.set_room(slow, kEndless);
  // What its socket had refused was made when the first change came.
  CHECK(rig.seen(slow) == Lines{"hot v1 r2 0", "cold.1 v20 r195 skipped19 96", "cold.2 v20 r197 skipped19 97",
                                "cold.3 v20 r199 skipped19 98", "hot v100 r200 skipped98 99",
                                "cold.4 v20 r201 skipped19 99", "cold.0 v21 r202 deleted skipped20"});
  CHECK(rig.status().values->behind == 0);
}

TEST_CASE("Frames that nobody reads take no more memory than there is, and those that read go on") {
  ValueRig rig(false, small_config());
  PeerId id = rig.client();
  rig.put_now(id, "big", large_value(25));
  PeerId reads = rig.client();
  rig.watch(reads, "w", R"("*")");
  std::vector<PeerId> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(rig.client());
    rig.set_room(slow.back(), 0);
    rig.watch(slow.back(), "w", R"("*")");
    // What it has begun to take is the value of no key any more.
    rig.put_now(id, "big", large_value(i));
  }
  rig.advance({});
  auto replies = replies_of(rig);
  CHECK(replies.used_bytes <= replies.limit_bytes / 2);
  CHECK(replies.used_bytes > replies.limit_bytes / 4);
  size_t open = 0;
  for (PeerId each : slow) open += rig.is_open(each) ? 1U : 0U;
  CHECK(open > 0);
  CHECK(open < slow.size());
  CHECK(rig.status().connections.evicted == slow.size() - open);
  CHECK(rig.is_open(id));
  CHECK(rig.is_open(reads));
  CHECK(rig.seen(reads).size() == 22);
  for (PeerId each : slow) rig.set_room(each, kEndless);
  rig.advance({});
  CHECK(replies_of(rig).used_bytes == 0);
}

TEST_CASE("A large value is held once for all that take it, and they get it whole") {
  ValueRig rig(false, small_config());
  PeerId id = rig.client();
  std::vector<PeerId> slow;
  for (int i = 0; i < 30; ++i) {
    slow.push_back(rig.client());
    rig.watch(slow.back(), "w", R"("*")");
    rig.lines(slow.back());
    rig.set_room(slow.back(), 300'000);
  }
  rig.put_now(id, "big", large_value(1));
  CHECK(replies_of(rig).used_bytes < 30 * 1000);
  // Now it is nowhere else.
  rig.put_now(id, "big", large_value(2));
  CHECK(replies_of(rig).used_bytes < 1'000'000 + 30 * 1000);
  for (PeerId each : slow) {
    rig.set_room(each, kEndless);
    Lines lines = rig.lines(each);
    REQUIRE(lines.size() == 2);
    CHECK(token_of(lines[0], "value") == large_value(1));
    CHECK(token_of(lines[1], "value") == large_value(2));
  }
  rig.advance({});
  CHECK(replies_of(rig).used_bytes == 0);
}

TEST_CASE("A client that leaves answers unread makes room for the answers of others") {
  ValueRig rig(false, small_config());
  PeerId id = rig.client();
  rig.put_now(id, "big", large_value(1));
  std::vector<PeerId> greedy;
  for (int i = 0; i < 30; ++i) {
    greedy.push_back(rig.client());
    rig.set_room(greedy.back(), 0);
    for (int n = 0; n < 3; ++n) rig.get(greedy.back(), "g" + std::to_string(n), "big");
  }
  for (int i = 0; i < 100; ++i) {
    REQUIRE(rig.put_now(id, "k" + std::to_string(i % 10), std::to_string(i)).starts_with("v"));
  }
  CHECK(rig.is_open(id));
  auto replies = replies_of(rig);
  CHECK(replies.used_bytes <= replies.limit_bytes);
}

TEST_CASE("The age of what a slow watcher is sent is that of the moment when it is written") {
  ValueRig rig;
  PeerId id = rig.client();
  PeerId slow = rig.client();
  rig.watch(slow, "w", R"("*")");
  rig.seen(slow);
  rig.set_room(slow, 0);
  rig.put_now(id, "a", "1");
  rig.put_now(id, "b", "1");
  rig.clock += milliseconds(300);
  rig.set_room(slow, kEndless);
  Lines lines = rig.lines(slow);
  REQUIRE(lines.size() == 2);
  CHECK(token_of(lines[1], "age_ms") == "300");
}

TEST_CASE("A watch resumes behind a rev of the same epoch, deletions included, else it is reset") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.put_now(id, "a", "1");
  rig.put_now(id, "b", "1");
  rig.put_now(id, "c", "1");
  rig.remove_now(id, "b");
  auto resumed = [&](const std::string& since, const std::string& epoch, const std::string& keys = R"("*")") {
    PeerId watcher = rig.client();
    rig.watch(watcher, "w", keys,
              R"(,"since":)" + since + (epoch.empty() ? "" : R"(,"epoch":")" + epoch + "\""));
    Lines seen = rig.seen(watcher);
    rig.hang_up(watcher);
    return seen;
  };
  CHECK(resumed("3", "e1") == Lines{"c v1 r4 snapshot 1", "b v2 r5 snapshot deleted", "synced r5 keys2"});
  CHECK(resumed("5", "e1") == Lines{"synced r5 keys0"});
  Lines all{"a v1 r2 snapshot 1", "c v1 r4 snapshot 1"};
  CHECK(resumed("0", "e1") == Lines{all[0], all[1], "synced r5 keys2"});
  for (const auto& [since, epoch] : std::vector<std::pair<std::string, std::string>>{
           {"3", "other"}, {"3", ""}, {"6", "e1"}, {"18446744073709551615", "e1"}, {"0", "other"}}) {
    CAPTURE(since, epoch);
    CHECK(resumed(since, epoch) == Lines{all[0], all[1], "synced r5 keys2 reset"});
  }
}

TEST_CASE("A watch of the hub's own keys begins anew when the hub has restarted") {
  hub::KeptValues kept = ValueRig::kept_of(true);
  kept.counters.rev = 40;
  kept.version = 12;
  ValueRig rig(std::move(kept));
  PeerId id = rig.client();
  rig.watch(id, "w", R"("bus.*")", R"(,"since":40,"epoch":"e1")");
  Lines seen = rig.seen(id);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].starts_with("bus.hub v13 r41 snapshot {"));
  CHECK(seen[1] == "synced r41 keys1 reset");
  rig.watch(id, "v", R"("*")", R"(,"since":40,"epoch":"e1")");
  CHECK(rig.seen(id) == Lines{"synced r41 keys0"});
}

TEST_CASE("An unwatch ends a watch by a response, and an id names one open watch") {
  ValueRig rig;
  PeerId id = rig.client();
  rig.watch(id, "w", R"("*")");
  rig.seen(id);
  rig.watch(id, "w", R"("a")");
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
  rig.set_room(id, 0);
  rig.put(id, "p", "a", "1");
  rig.send_line(id, R"({"type":"unwatch","id":"w"})");
  rig.set_room(id, kEndless);
  Lines lines = rig.lines(id);
  REQUIRE(!lines.empty());
  CHECK(lines.back() == R"({"type":"response","id":"w"})");
  rig.put_now(id, "a", "2");
  CHECK(rig.seen(id).empty());
  rig.send_line(id, R"({"type":"unwatch","id":"w"})");
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
  rig.watch(id, "w", R"("a")");
  CHECK(rig.seen(id).size() == 2);
  rig.watch(id, "none", "");
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
  CHECK(rig.status().values->watches == 1);
}

TEST_CASE("A connection has at most so many watches") {
  ValueRig rig;
  PeerId id = rig.client();
  for (size_t i = 0; i < kMaxWatches; ++i) rig.watch(id, "w" + std::to_string(i), R"("k")");
  static_cast<void>(rig.lines(id));
  rig.watch(id, "more", R"("k")");
  CHECK(code_of(rig.line(id)) == "busy");
  rig.hang_up(id);
  CHECK(rig.status().values->watches == 0);
}
