// By what calls end: deadlines, peers that go, cancels, parents, and the hub's stop (PROTOCOL.md 10).
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

TEST_CASE("bye waits for the open calls, until their deadlines") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId a = rig.client();
  PeerId b = rig.client();
  rig.request(a, "1", "t", R"(,"timeout_ms":20000)");
  rig.request(b, "1", "t");
  rig.send_line(a, R"({"type":"bye"})");
  rig.send_line(b, R"({"type":"bye"})");
  auto ids = rig.given(provider);
  REQUIRE(ids.size() == 2);
  rig.result(provider, ids[1]);
  CHECK(rig.line(b) == ok("1", "1"));
  CHECK_FALSE(rig.is_open(b));
  rig.advance(seconds(19));
  CHECK(rig.is_open(a));
  rig.advance(seconds(1));
  CHECK(code_of(rig.line(a)) == "timeout");
  CHECK_FALSE(rig.is_open(a));
}

TEST_CASE("What came in time counts, for a hub or a peer that was stopped beyond the deadline") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"timeout_ms":10)");
  std::string id = rig.given_one(provider);
  // Both the deadline and the answer lie in the past when the hub looks; it reads from both before it judges.
  rig.clock += seconds(5);
  CHECK(rig.core.due(rig.clock) == std::vector<PeerId>{provider, caller});
  rig.result(provider, id);
  rig.advance(Duration::zero());
  CHECK(rig.line(caller) == ok("1", "1"));
}

TEST_CASE("A deadline is told to both sides, and what comes later is counted and not forwarded") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"timeout_ms":100)");
  std::string id = rig.given_one(provider);
  rig.advance(milliseconds(100));
  CHECK(code_of(rig.line(caller)) == "timeout");
  CHECK(rig.line(provider) == R"({"type":"cancel","id":")" + id + R"(","reason":"timeout"})");
  rig.result(provider, id);
  CHECK(rig.lines(caller).empty());
  CHECK(rig.lines(provider).empty());
  CHECK(rig.tasks().find(R"("late":1)") != std::string::npos);
}

TEST_CASE("A provider that goes ends its calls in the same turn, also those that it had not read") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  rig.set_room(provider, 0);
  rig.request(caller, "2", "t");
  SECTION("it closes") { rig.hang_up(provider); }
  SECTION("it says bye") { rig.send_line(provider, R"({"type":"bye"})"); }
  SECTION("its input ends") { rig.shut_down_writing(provider); }
  SECTION("half a response came") {
    rig.send(provider, R"({"type":"response","id":")");
    rig.hang_up(provider);
  }
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 2);
  CHECK(code_of(lines[0]) == "provider_gone");
  CHECK(code_of(lines[1]) == "provider_gone");
}

TEST_CASE("Only idempotent calls are handed over, at most twice, and not once a chunk was sent") {
  CallRig rig;
  std::vector<PeerId> providers;
  for (int i = 0; i < 4; ++i)
    providers.push_back(rig.provider(R"("t")", R"(,"priority":)" + std::to_string(9 - i)));
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"idempotent":true)");
  for (int i = 0; i < 2; ++i) {
    CHECK(rig.given(providers[static_cast<size_t>(i)]).size() == 1);
    rig.hang_up(providers[static_cast<size_t>(i)]);
    CHECK(rig.lines(caller).empty());
  }
  CHECK(rig.given(providers[2]).size() == 1);
  rig.hang_up(providers[2]);
  CHECK(code_of(rig.line(caller)) == "provider_gone");
  rig.request(caller, "2", "t", R"(,"idempotent":true,"stream":true)");
  rig.provider(R"("t")");
  rig.chunk(providers[3], rig.given_one(providers[3]), "1");
  rig.hang_up(providers[3]);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 2);
  CHECK(code_of(lines[1]) == "provider_gone");
}

TEST_CASE("An idempotent call whose last provider goes ends, or waits if it asked to") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"idempotent":true)");
  rig.request(caller, "2", "t", R"(,"idempotent":true,"wait":true)");
  rig.hang_up(provider);
  std::string line = rig.line(caller);
  CHECK(code_of(line) == "provider_gone");
  CHECK(text_of(line, "id") == "1");
  PeerId next = rig.provider(R"("t")");
  rig.result(next, rig.given_one(next));
  CHECK(rig.line(caller) == ok("2", "1"));
}

TEST_CASE("A caller that goes cancels its calls; the answer is late and the slot is free") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  PeerId other = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  rig.request(other, "2", "t");
  rig.hang_up(caller);
  auto lines = rig.lines(provider);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == R"({"type":"cancel","id":")" + id + R"(","reason":"gone"})");
  CHECK(text_of(lines[1], "type") == "request");
  rig.result(provider, id);
  CHECK(rig.lines(other).empty());
  rig.result(provider, text_of(lines[1], "id"));
  CHECK(rig.line(other) == ok("2", "1"));
}

TEST_CASE("Cancel ends a call at once; again, or of an unknown id, it is silence; it may cross the result") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  rig.cancel(caller, "1");
  CHECK(code_of(rig.line(caller)) == "canceled");
  CHECK(rig.line(provider) == R"({"type":"cancel","id":")" + id + R"(","reason":"canceled"})");
  rig.cancel(caller, "1");
  rig.cancel(caller, "unknown");
  rig.result(provider, id);
  CHECK(rig.lines(caller).empty());
  rig.request(caller, "2", "t");
  rig.result(provider, rig.given_one(provider));
  rig.cancel(caller, "2");
  CHECK(rig.line(caller) == ok("2", "1"));
}

TEST_CASE("A provider that had not got the request is told nothing of its cancel") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.set_room(provider, 0);
  rig.request(caller, "0", "t");  // offered to the socket
  rig.request(caller, "1", "t");
  rig.cancel(caller, "1");
  rig.set_room(provider, SIZE_MAX);
  auto lines = rig.lines(provider);
  CHECK(lines.size() == 1);
}

TEST_CASE("unprovide: what runs goes on, what waits for a slot ends, what waits for a provider waits") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "runs", "t");
  rig.request(caller, "slot", "t");
  rig.request(caller, "wait", "t", R"(,"wait":true)");
  rig.send_line(provider, R"({"type":"unprovide","id":"d"})");
  auto got = rig.lines(provider);
  REQUIRE(got.size() == 2);
  CHECK(got[1] == ok("d", "null"));
  std::string line = rig.line(caller);
  CHECK(code_of(line) == "no_provider");
  CHECK(text_of(line, "id") == "slot");
  rig.result(provider, text_of(got[0], "id"));
  CHECK(rig.line(caller) == ok("runs", "1"));
  CHECK(rig.lines(provider).empty());
  rig.provide(provider, R"("t")");
  CHECK(rig.given(provider).size() == 1);
}

TEST_CASE("A call that all who are left have declined ends when the others go") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string first = rig.given_one(a);
  PeerId b = rig.provider(R"("t")", R"(,"slots":1)");
  rig.request(caller, "2", "t");
  rig.error(a, first, "declined");
  CHECK(rig.lines(caller).empty());
  SECTION("it closes") { rig.hang_up(b); }
  SECTION("it unprovides") { rig.send_line(b, R"({"type":"unprovide"})"); }
  auto lines = rig.lines(caller);
  REQUIRE_FALSE(lines.empty());
  CHECK(code_of(lines.front()) == "declined");
  CHECK(text_of(lines.front(), "id") == "1");
}

TEST_CASE("A child ends with its parent, and by its parent's deadline") {
  CallRig rig;
  PeerId top = rig.provider(R"("top")");
  PeerId below = rig.provider(R"("below")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "top", R"(,"timeout_ms":1000)");
  std::string parent = rig.given_one(top);
  rig.request(top, "c", "below", R"(,"parent":")" + parent + R"(","timeout_ms":5000)");
  std::string line = rig.line(below);
  CHECK(token_of(line, "timeout_ms") == "1000");
  SECTION("canceled") {
    rig.cancel(caller, "1");
    CHECK(text_of(rig.line(below), "reason") == "canceled");
    auto lines = rig.lines(top);
    REQUIRE(lines.size() == 2);
    CHECK(text_of(lines[0], "type") == "cancel");
    CHECK(code_of(lines[1]) == "canceled");
  }
  SECTION("both deadlines pass at once") {
    rig.advance(milliseconds(1000));
    CHECK(text_of(rig.line(below), "reason") == "timeout");
    CHECK(code_of(rig.lines(top).back()) == "timeout");
  }
  SECTION("a parent that is not served any more") {
    rig.result(top, parent);
    static_cast<void>(rig.lines(top));
    rig.request(top, "d", "below", R"(,"parent":")" + parent + "\"");
    CHECK(code_of(rig.line(top)) == "canceled");
  }
  SECTION("a parent that never was") {
    rig.request(top, "d", "below", R"(,"parent":"x")");
    CHECK(text_of(rig.lines(top).back(), "code") == "bad_frame");
  }
}

TEST_CASE("deadlock, at once, when all providers are ancestors without a free slot") {
  CallRig rig;
  PeerId a = rig.provider(R"("a")", R"(,"slots":1)");
  PeerId b = rig.provider(R"("b")", R"(,"slots":1)");
  PeerId caller = rig.client();
  SECTION("it calls itself") {
    rig.request(caller, "1", "a");
    rig.request(a, "2", "a", R"(,"parent":")" + rig.given_one(a) + "\"");
    CHECK(code_of(rig.line(a)) == "deadlock");
  }
  SECTION("around") {
    rig.request(caller, "1", "a");
    rig.request(a, "2", "b", R"(,"parent":")" + rig.given_one(a) + "\"");
    rig.request(b, "3", "a", R"(,"parent":")" + rig.given_one(b) + "\"");
    CHECK(code_of(rig.line(b)) == "deadlock");
  }
  SECTION("when the other provider goes") {
    PeerId other = rig.provider(R"("a")", R"(,"slots":1,"priority":-1)");
    rig.request(caller, "1", "a");
    std::string parent = rig.given_one(a);
    rig.request(caller, "0", "a");
    rig.request(a, "2", "a", R"(,"parent":")" + parent + "\"");
    CHECK(rig.lines(a).empty());
    rig.hang_up(other);
    CHECK(code_of(rig.line(a)) == "deadlock");
  }
}

TEST_CASE("A provider that declined is no way out of a deadlock") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string parent = rig.given_one(a);
  PeerId b = rig.provider(R"("t")", R"(,"slots":1)");
  rig.request(a, "2", "t", R"(,"parent":")" + parent + "\"");
  rig.error(b, rig.given_one(b), "declined");
  CHECK(code_of(rig.line(a)) == "deadlock");
}

TEST_CASE("When the hub stops, open calls end with stopping before their connections do") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  rig.request(caller, "2", "t");
  rig.core.begin_stop(rig.clock + seconds(1));
  rig.advance(Duration::zero());
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 2);
  CHECK(code_of(lines[0]) == "stopping");
  CHECK(code_of(lines[1]) == "stopping");
  CHECK(text_of(rig.lines(provider).back(), "reason") == "stopping");
}

TEST_CASE("A call that the hub has to end for keeps it from leaving for lack of use") {
  hub::HubConfig config = rig_config();
  config.idle_exit = seconds(1);
  CallRig rig(config);
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"wait":true,"reply_event":"e","timeout_ms":5000)");
  rig.hang_up(caller);
  rig.advance(seconds(2));
  CHECK_FALSE(rig.core.idle(rig.clock));
  CHECK(rig.core.next_deadline() == rig.clock + seconds(3));  // there is nothing to wake for before
  rig.advance(seconds(3));
  CHECK(rig.core.idle(rig.clock));
}
