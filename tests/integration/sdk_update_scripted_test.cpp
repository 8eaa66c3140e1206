// busd_connection_update against hubs that follow a script: what it asks, and when it asks again.
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/sdk_values_scripted.h"

namespace bus::test {
namespace {

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

}  // namespace
}  // namespace bus::test
