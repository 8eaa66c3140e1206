// Calls that wait for a provider or for its slot, and which of them comes next (PROTOCOL.md 10, choosing).
#include <map>
#include <random>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::hub;
using namespace bus::test;

namespace {

// The args of the requests that the provider was given, each of which it answers at once.
std::vector<std::string> serve_all(CallRig& rig, PeerId provider) {
  std::vector<std::string> args;
  for (bool more = true; more;) {
    more = false;
    for (const std::string& line : rig.lines(provider)) {
      if (text_of(line, "type") != "request") continue;
      args.push_back(token_of(line, "args"));
      rig.result(provider, text_of(line, "id"));
      more = true;
    }
  }
  return args;
}

using Args = std::vector<std::string>;

HubConfig of_three_users() {
  HubConfig config = rig_config();
  config.allow_uids = {2000, 3000};
  return config;
}

}  // namespace

TEST_CASE("Calls that wait for a provider are served in the order in which they came") {
  CallRig rig;
  PeerId caller = rig.client();
  for (int i = 0; i < 5; ++i)
    rig.request(caller, std::to_string(i), "a.t", R"(,"wait":true,"args":)" + std::to_string(i));
  PeerId provider = rig.provider("\"a.t\"", R"(,"slots":1)");
  CHECK(serve_all(rig, provider) == Args{"0", "1", "2", "3", "4"});
}

TEST_CASE("Calls that wait for a provider are limited as those that wait for a slot") {
  HubConfig config = rig_config();
  config.waiting_calls = 2;
  CallRig rig(config);
  PeerId caller = rig.client();
  for (int i = 0; i < 3; ++i) rig.request(caller, std::to_string(i), "a.t", R"(,"wait":true)");
  std::string line = rig.line(caller);
  CHECK(text_of(line, "id") == "2");
  CHECK(code_of(line) == "busy");
}

TEST_CASE("A free slot takes the oldest call of all tasks of its provider, patterns among them") {
  CallRig rig;
  PeerId caller = rig.client();
  const char* tasks[] = {"a.x", "b", "a.y", "c.d.e", "a.x"};
  for (int i = 0; i < 5; ++i)
    rig.request(caller, std::to_string(i), tasks[i], R"(,"wait":true,"args":)" + std::to_string(i));
  PeerId provider = rig.provider(R"("a.*","b","c.d.*")", R"(,"slots":1)");
  CHECK(serve_all(rig, provider) == Args{"0", "1", "2", "3", "4"});
}

TEST_CASE("Users come in turn over all lines of a provider") {
  CallRig rig(of_three_users());
  PeerId one = rig.client();
  PeerId other = rig.client(2000);
  for (int i = 0; i < 3; ++i)
    rig.request(one, std::to_string(i), i == 0 ? "a.x" : "a.y",
                R"(,"wait":true,"args":)" + std::to_string(i));
  for (int i = 3; i < 5; ++i)
    rig.request(other, std::to_string(i), "a.z", R"(,"wait":true,"args":)" + std::to_string(i));
  PeerId provider = rig.provider("\"a.*\"", R"(,"slots":1)");
  CHECK(serve_all(rig, provider) == Args{"0", "3", "1", "4", "2"});
}

TEST_CASE("A call for one source waits for that source, and holds up nobody behind it") {
  CallRig rig;
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"wait":true,"to":"east","args":1)");
  rig.request(caller, "2", "t", R"(,"wait":true,"args":2)");
  rig.request(caller, "3", "t", R"(,"wait":true,"to":"west","args":3)");
  CHECK(serve_all(rig, rig.provider("\"t\"", R"(,"slots":1)", "west")) == Args{"2", "3"});
  CHECK(serve_all(rig, rig.provider("\"t\"", R"(,"slots":1)", "east")) == Args{"1"});
}

TEST_CASE("A call that was passed on goes to the front of the line") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"slots":1,"priority":1)");
  PeerId b = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  for (int i = 1; i <= 4; ++i) rig.request(caller, std::to_string(i), "t", R"(,"args":)" + std::to_string(i));
  std::string first = rig.given_one(a);
  std::string second = rig.given_one(b);
  rig.error(a, first, "declined");
  CHECK(token_of(rig.line(a), "args") == "3");
  rig.result(b, second);
  CHECK(token_of(rig.line(b), "args") == "1");
}

TEST_CASE("Calls that are handed over to one who has no time yet keep their order") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"priority":1)");
  PeerId b = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  for (int i = 1; i <= 4; ++i)
    rig.request(caller, std::to_string(i), "t", R"(,"idempotent":true,"args":)" + std::to_string(i));
  CHECK(rig.given(a).size() == 4);
  rig.hang_up(a);
  CHECK(serve_all(rig, b) == Args{"1", "2", "3", "4"});
}

TEST_CASE("A call that was passed on is older than those that wait, and its provider takes the next one") {
  CallRig rig;
  PeerId caller = rig.client();
  PeerId busy = rig.provider("\"t\"", R"(,"slots":1,"priority":1)");
  rig.request(caller, "0", "t", R"(,"args":0)");
  std::string held = rig.given_one(busy);
  PeerId declines = rig.provider("\"t\"", R"(,"slots":1)");
  for (int i = 1; i < 4; ++i) rig.request(caller, std::to_string(i), "t", R"(,"args":)" + std::to_string(i));
  rig.error(declines, rig.given_one(declines), "declined");
  CHECK(serve_all(rig, declines) == Args{"2", "3"});
  rig.result(busy, held);
  CHECK(serve_all(rig, busy) == Args{"1"});
}

TEST_CASE(
    "Among any lines and users, the next call is that of the user served longest ago, and the user's "
    "oldest") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    CallRig rig(of_three_users());
    constexpr uint32_t kUids[] = {kOurUid, 2000, 3000};
    std::map<uint32_t, PeerId> callers;
    for (uint32_t uid : kUids) callers[uid] = rig.client(uid);
    std::map<uint32_t, std::vector<int>> waiting;
    for (int i = 0; i < 60; ++i) {
      uint32_t uid = kUids[random() % 3];
      std::string task = "a.t" + std::to_string(random() % 20);
      rig.request(callers[uid], std::to_string(i), task, R"(,"wait":true,"args":)" + std::to_string(i));
      waiting[uid].push_back(i);
    }
    for (int i = 0; i < 60; i += 7) {
      for (auto& [uid, calls] : waiting) {
        if (std::erase(calls, i) == 1) rig.cancel(callers[uid], std::to_string(i));
      }
    }
    Args expected;
    std::map<uint32_t, size_t> turns;
    for (size_t turn = 1;; ++turn) {
      uint32_t next = 0;
      for (const auto& [uid, calls] : waiting) {
        if (calls.empty()) continue;
        bool is_before = next == 0 || turns[uid] < turns[next] ||
                         (turns[uid] == turns[next] && calls.front() < waiting[next].front());
        if (is_before) next = uid;
      }
      if (next == 0) break;
      expected.push_back(std::to_string(waiting[next].front()));
      waiting[next].erase(waiting[next].begin());
      turns[next] = turn;
    }
    CHECK(serve_all(rig, rig.provider("\"a.*\"", R"(,"slots":1)")) == expected);
  }
}
