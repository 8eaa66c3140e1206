// Calls, by the sentences of PROTOCOL.md 10.
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

std::string ok(const std::string& id, const std::string& result) {
  return R"({"type":"response","id":")" + id + R"(","result":)" + result + "}";
}

size_t count_of(const std::vector<std::string>& lines, const std::string& type) {
  size_t count = 0;
  for (const std::string& line : lines) count += text_of(line, "type") == type ? 1U : 0U;
  return count;
}

}  // namespace

TEST_CASE("A request goes to its provider as the page says, and the answer comes back byte for byte") {
  CallRig rig;
  PeerId provider = rig.provider(R"("math.*")", R"(,"slots":4)");
  PeerId caller = rig.client();
  rig.request(caller, "u1", "math.add",
              R"(,"timeout_ms":5000,"traceparent":"00-a","from":{"uid":0},"args":{"a":1.10,"b":2})");
  std::string got = rig.line(provider);
  std::string id = text_of(got, "id");
  CHECK(got == R"({"type":"request","id":")" + id +
                   R"(","task":"math.add","timeout_ms":5000,"from":{"pid":100,"uid":1000,"source":"peer"},)"
                   R"("traceparent":"00-a","args":{"a":1.10,"b":2}})");
  rig.send_line(provider, R"({"type":"response","id":")" + id + R"(","result":3.10,"x":[1e400]})");
  CHECK(rig.line(caller) == R"({"type":"response","id":"u1","x":[1e400],"result":3.10})");
}

TEST_CASE("Without args null is sent, and without a result null is answered") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"timeout_ms":0)");
  std::string got = rig.line(provider);
  CHECK(got.ends_with(R"(,"args":null})"));
  CHECK(token_of(got, "timeout_ms").empty());
  rig.send_line(provider, R"({"type":"response","id":")" + text_of(got, "id") + "\"}");
  CHECK(rig.line(caller) == ok("1", "null"));
}

TEST_CASE("A request may be a first frame; after a half-close it is answered, then its connection ends") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId shell = rig.connect();
  rig.request(shell, "1", "t");
  rig.shut_down_writing(shell);
  CHECK(rig.is_open(shell));
  rig.result(provider, rig.given_one(provider), "\"late\"");
  CHECK(rig.line(shell) == ok("1", "\"late\""));
  CHECK_FALSE(rig.is_open(shell));
}

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

TEST_CASE(
    "Nobody provides: no_provider at once, with the nearest name; with wait it waits until its deadline") {
  CallRig rig;
  PeerId provider = rig.provider(R"("math.add")");
  PeerId caller = rig.client();
  rig.request(caller, "u2", "math.ad");
  CHECK(rig.line(caller) ==
        R"({"type":"response","id":"u2","error":{"code":"no_provider","message":"nobody provides math.ad; )"
        R"(math.add is provided by pid 43","by":"hub"}})");
  rig.request(caller, "u3", "later", R"(,"wait":true,"timeout_ms":1000)");
  CHECK(rig.lines(caller).empty());
  rig.advance(milliseconds(999));
  rig.provide(provider, R"("later")");
  rig.result(provider, rig.given_one(provider));
  CHECK(rig.line(caller) == ok("u3", "1"));
  rig.request(caller, "u4", "never", R"(,"wait":true,"timeout_ms":1000)");
  rig.advance(milliseconds(1000));
  CHECK(code_of(rig.line(caller)) == "timeout");
}

TEST_CASE("What came in time counts, for a hub or a peer that was stopped beyond the deadline") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"timeout_ms":10)");
  std::string id = rig.given_one(provider);
  // Both the deadline and the answer lie in the past when the hub looks.
  rig.clock += seconds(5);
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

TEST_CASE("An id that was never given to this connection is bad_frame, with that id") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId other = rig.provider(R"("u")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  for (const std::string& wrong : {id + "0", std::string("1"), std::string("0.0.1"), id}) {
    PeerId from = wrong == id ? other : provider;
    rig.result(from, wrong);
    std::string line = rig.line(from);
    CHECK(text_of(line, "code") == "bad_frame");
    CHECK(text_of(line, "id") == wrong);
  }
  rig.result(caller, id);
  CHECK(text_of(rig.line(caller), "code") == "bad_frame");
  rig.result(provider, id);
  CHECK(rig.line(caller) == ok("1", "1"));
}

TEST_CASE("An id that is open is refused and the open call goes on; after its end it is free") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId a = rig.client();
  PeerId b = rig.client();
  rig.request(a, "x", "t");
  rig.request(a, "x", "t");
  std::string line = rig.line(a);
  CHECK(text_of(line, "type") == "error");
  CHECK(text_of(line, "code") == "bad_frame");
  CHECK(text_of(line, "id") == "x");
  rig.request(b, "x", "t");
  auto ids = rig.given(provider);
  REQUIRE(ids.size() == 2);
  rig.result(provider, ids[1], "\"b\"");
  rig.result(provider, ids[0], "\"a\"");
  CHECK(rig.line(a) == ok("x", "\"a\""));
  CHECK(rig.line(b) == ok("x", "\"b\""));
  rig.request(a, "x", "t");
  CHECK(rig.given_one(provider) != ids[0]);
}

TEST_CASE("A malformed response leaves its call open; a malformed request is refused by error alone") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  for (const char* wrong : {R"(,"error":{"message":"no code"}})", R"(,"error":7})",
                            R"(,"result":1,"error":{"code":"a","message":""}})"}) {
    rig.send_line(provider, R"({"type":"response","id":")" + id + "\"" + std::string(wrong));
    std::string line = rig.line(provider);
    CHECK(text_of(line, "code") == "bad_frame");
    CHECK(text_of(line, "id") == id);
  }
  rig.result(provider, id);
  CHECK(rig.line(caller) == ok("1", "1"));
  for (const char* wrong : {R"(,"timeout_ms":-1)", R"(,"timeout_ms":86400001)",
                            R"(,"timeout_ms":9223372036854775808)", R"(,"wait":1)"}) {
    rig.request(caller, "w", "t", wrong);
    std::string line = rig.line(caller);
    CHECK(text_of(line, "type") == "error");
    CHECK(text_of(line, "id") == "w");
  }
  rig.request(caller, std::string(65, 'i'), "t");
  CHECK(text_of(rig.line(caller), "code") == "bad_frame");
  rig.request(caller, std::string(64, 'i'), "t");
  CHECK(rig.given(provider).size() == 1);
}

TEST_CASE("A provider's error comes with its own code, and never as the hub's") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  rig.send_line(provider, R"({"type":"response","id":")" + rig.given_one(provider) +
                              R"(","error":{"code":"timeout","message":"mine","by":"hub","data":[1.0]}})");
  CHECK(rig.line(caller) ==
        R"({"type":"response","id":"1","error":{"code":"timeout","message":"mine","data":[1.0]}})");
}

TEST_CASE("Choosing: exact before pattern, longer before shorter, priority, free slots, longest idle") {
  CallRig rig;
  PeerId all = rig.provider(R"("*")", "", "all");
  PeerId prefix = rig.provider(R"("a.*")", "", "prefix");
  PeerId longer = rig.provider(R"("a.b.*")", "", "longer");
  PeerId exact = rig.provider(R"("a.b.c")", R"(,"slots":1)", "exact");
  PeerId caller = rig.client();
  size_t n = 0;
  auto goes_to = [&](const std::string& task, PeerId expected) {
    rig.request(caller, "i" + std::to_string(++n), task);
    return rig.given(expected).size() == 1;
  };
  CHECK(goes_to("a.b.c", exact));
  CHECK(goes_to("a.b.c", longer));  // the exact one has no slot
  CHECK(goes_to("a.b", prefix));
  CHECK(goes_to("z", all));
  CHECK(goes_to("a.", all));
  rig.request(caller, "bus", "bus.nothing");
  CHECK(code_of(rig.line(caller)) == "no_provider");

  PeerId few = rig.provider(R"("p")", R"(,"slots":2)");
  PeerId many = rig.provider(R"("p")", R"(,"slots":3)");
  PeerId first = rig.provider(R"("p")", R"(,"slots":1,"priority":-1)");
  CHECK(goes_to("p", many));
  CHECK(goes_to("p", few));  // as many slots are free, and it provided before
  CHECK(goes_to("p", many));
  rig.provide(first, R"("p")", R"(,"slots":1,"priority":7)");
  CHECK(goes_to("p", first));
}

TEST_CASE("Of providers with as many free slots, the one comes whose last call ended longest ago") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")");
  rig.advance(seconds(1));
  PeerId b = rig.provider(R"("t")");
  PeerId caller = rig.client();
  for (PeerId expected : {a, b, a, b}) {
    rig.advance(seconds(1));
    rig.request(caller, "1", "t");
    std::string id = rig.given_one(expected);
    CHECK_FALSE(id.empty());
    rig.result(expected, id);
    CHECK(rig.line(caller) == ok("1", "1"));
  }
}

TEST_CASE("No more calls than slots; a free slot takes the oldest, and users come in turn") {
  hub::HubConfig config = rig_config();
  config.allow_uids = {2000};
  CallRig rig(config);
  PeerId provider = rig.provider(R"("t","u")", R"(,"slots":1)");
  PeerId a = rig.client();
  PeerId b = rig.client(2000);
  rig.request(a, "a1", "t", R"(,"args":"a1")");
  rig.request(a, "a2", "u", R"(,"args":"a2")");
  rig.request(a, "a3", "t", R"(,"args":"a3")");
  rig.request(a, "a4", "t", R"(,"args":"a4")");
  rig.request(b, "b1", "t", R"(,"args":"b1")");
  rig.request(b, "b2", "t", R"(,"args":"b2")");
  std::string order;
  for (int i = 0; i < 6; ++i) {
    std::string line = rig.line(provider);
    order += text_of(line, "args") + " ";
    rig.result(provider, text_of(line, "id"));
  }
  CHECK(order == "a1 a2 b1 a3 b2 a4 ");
  CHECK(count_of(rig.lines(a), "response") == 4);
  CHECK(count_of(rig.lines(b), "response") == 2);
}

TEST_CASE("A provider that arrives takes of those that wait as many as it has slots") {
  CallRig rig;
  PeerId caller = rig.client();
  for (int i = 0; i < 20; ++i) rig.request(caller, std::to_string(i), "a.t", R"(,"wait":true)");
  PeerId provider = rig.provider(R"("a.*")", R"(,"slots":7)");
  CHECK(rig.given(provider).size() == 7);
  rig.provide(provider, R"("other")", R"(,"slots":9)");
  CHECK(rig.given(provider).size() == 2);
}

TEST_CASE("At most so many calls of a user wait for a task; one connection has at most so many open") {
  hub::HubConfig config = rig_config();
  config.waiting_calls = 2;
  config.open_calls = 4;
  CallRig rig(config);
  PeerId provider = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  for (const char* id : {"1", "2", "3"}) rig.request(caller, id, "t");
  CHECK(rig.lines(caller).empty());
  rig.request(caller, "4", "t");
  CHECK(code_of(rig.line(caller)) == "busy");
  rig.request(caller, "5", "u", R"(,"wait":true)");
  rig.request(caller, "6", "u", R"(,"wait":true)");
  std::string line = rig.line(caller);
  CHECK(code_of(line) == "busy");
  CHECK(text_of(line, "id") == "6");
  CHECK(rig.given(provider).size() == 1);
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

TEST_CASE("A provider that declines is passed over once; when all did, the answer is declined") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"priority":1)");
  PeerId b = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"args":5)");
  rig.error(a, rig.given_one(a), "declined");
  std::string line = rig.line(b);
  CHECK(token_of(line, "args") == "5");
  rig.error(b, text_of(line, "id"), "declined");
  CHECK(rig.lines(a).empty());
  line = rig.line(caller);
  CHECK(code_of(line) == "declined");
  CHECK(text_of(token_of(line, "error"), "by") == "hub");
}

TEST_CASE("A call that was declined stands in front of the line") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"args":1)");
  std::string first = rig.given_one(a);
  PeerId b = rig.provider(R"("t")", R"(,"slots":1)");
  rig.request(caller, "2", "t", R"(,"args":2)");
  std::string second = rig.given_one(b);
  rig.request(caller, "3", "t", R"(,"args":3)");
  rig.error(a, first, "declined");
  CHECK(token_of(rig.line(a), "args") == "3");
  rig.result(b, second);
  CHECK(token_of(rig.line(b), "args") == "1");
}

TEST_CASE("One that has sent nothing since a call of its own timed out is chosen last") {
  CallRig rig;
  PeerId stopped = rig.provider(R"("t")", R"(,"priority":1,"slots":2)");
  PeerId good = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"timeout_ms":100)");
  CHECK(rig.given(stopped).size() == 1);
  rig.advance(milliseconds(100));
  static_cast<void>(rig.lines(stopped));
  rig.request(caller, "2", "t");
  std::string id = rig.given_one(good);
  CHECK_FALSE(id.empty());
  rig.request(caller, "3", "t");
  CHECK(rig.given(stopped).size() == 1);  // the other has no slot
  rig.send_line(stopped, R"({"type":"event","event_type":"alive"})");
  rig.request(caller, "4", "t");
  CHECK(rig.given(stopped).size() == 1);
}

TEST_CASE("A call with `to` goes to that source alone") {
  CallRig rig;
  PeerId a = rig.provider(R"("t")", R"(,"priority":9)", "a");
  PeerId b = rig.provider(R"("t")", R"(,"slots":1)", "b");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"to":"b")");
  std::string id = rig.given_one(b);
  rig.request(caller, "2", "t", R"(,"to":"b")");
  CHECK(rig.lines(a).empty());
  rig.result(b, id);
  CHECK(rig.given(b).size() == 1);
  static_cast<void>(rig.lines(caller));
  rig.request(caller, "3", "t", R"(,"to":"c")");
  CHECK(code_of(rig.line(caller)) == "no_provider");
  rig.request(caller, "4", "t", R"(,"to":"b")");
  rig.hang_up(b);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 2);
  CHECK(code_of(lines[0]) == "no_provider");
  CHECK(code_of(lines[1]) == "provider_gone");
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

TEST_CASE("A stream's chunks keep their order, and the response comes after the last") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "u3", "t", R"(,"stream":true)");
  std::string got = rig.line(provider);
  CHECK(token_of(got, "stream") == "true");
  std::string id = text_of(got, "id");
  rig.chunk(provider, id, R"({"line":"one"})");
  CHECK(rig.line(caller) == R"({"type":"chunk","id":"u3","seq":1,"data":{"line":"one"}})");
  rig.set_room(caller, 0);
  rig.chunk(provider, id, "2");
  rig.chunk(provider, id, "3");
  rig.result(provider, id);
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == R"({"type":"chunk","id":"u3","seq":2,"data":2})");
  CHECK(lines[1] == R"({"type":"chunk","id":"u3","seq":3,"data":3})");
  CHECK(lines[2] == ok("u3", "1"));
}

TEST_CASE("A chunk of a call that asks for no stream is not allowed, and the call goes on") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  rig.chunk(provider, id, "1");
  std::string line = rig.line(provider);
  CHECK(text_of(line, "code") == "not_allowed");
  CHECK(text_of(line, "id") == id);
  rig.result(provider, id);
  CHECK(rig.line(caller) == ok("1", "1"));
}

TEST_CASE(
    "A stream's provider is paused above 256 KiB, goes on below 64 KiB, and at 4 MiB its reader is too "
    "slow") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"stream":true)");
  std::string id = rig.given_one(provider);
  const std::string kib32 = "\"" + std::string(32 * 1024, 'x') + "\"";
  rig.set_room(caller, 0);
  // The first that is offered to the socket waits there.
  for (int i = 0; i < 8; ++i) rig.chunk(provider, id, kib32);
  CHECK(rig.lines(provider).empty());
  for (int i = 0; i < 4; ++i) rig.chunk(provider, id, kib32);
  CHECK(rig.line(provider) == R"({"type":"pause","id":")" + id + "\"}");
  SECTION("it reads on") {
    rig.set_room(caller, 128 * 1024);
    CHECK(rig.lines(provider).empty());
    rig.set_room(caller, SIZE_MAX);
    CHECK(rig.line(provider) == R"({"type":"resume","id":")" + id + "\"}");
    rig.result(provider, id);
    auto lines = rig.lines(caller);
    CHECK(lines.size() == 13);
    for (size_t i = 0; i + 1 < lines.size(); ++i) CHECK(token_of(lines[i], "seq") == std::to_string(i + 1));
  }
  SECTION("it reads nothing") {
    for (int i = 0; i < 140; ++i) rig.chunk(provider, id, kib32);
    CHECK(text_of(rig.line(provider), "reason") == "slow_reader");
    rig.set_room(caller, SIZE_MAX);
    CHECK(code_of(rig.lines(caller).back()) == "slow_reader");
  }
}

TEST_CASE("progress is lossy: the newest replaces one that waits") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  auto progress = [&](int done) {
    rig.send_line(provider, R"({"type":"progress","id":")" + id + R"(","done":)" + std::to_string(done) +
                                R"(,"total":9,"text":"…"})");
  };
  progress(0);
  CHECK(rig.line(caller) == R"({"type":"progress","id":"1","done":0,"total":9,"text":"…"})");
  rig.set_room(caller, 0);
  for (int i = 1; i <= 5; ++i) progress(i);
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  CHECK(lines.size() <= 2);
  CHECK(token_of(lines.back(), "done") == "5");
}

TEST_CASE("reply_event: accepted at once, and the end is an event, also when its caller has gone") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId listener = rig.consumer("k", R"("done")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"reply_event":"done","args":[1])");
  CHECK(rig.line(caller) == ok("1", R"({"accepted":true})"));
  static_cast<void>(rig.lines(listener));
  rig.request(caller, "1", "nobody", R"(,"reply_event":"done")");
  CHECK(rig.line(caller) == ok("1", R"({"accepted":true})"));
  std::string line = rig.line(listener);
  CHECK(code_of(token_of(line, "payload")) == "no_provider");
  rig.hang_up(caller);
  static_cast<void>(rig.lines(listener));
  rig.result(provider, rig.given_one(provider), R"({"x":1.10})");
  CHECK(
      rig.line(listener) ==
      R"({"type":"event","event_type":"done","seq":2,"payload":{"id":"1","task":"t","result":{"x":1.10}}})");
  PeerId again = rig.client();
  rig.request(again, "2", "t", R"(,"reply_event":"done","timeout_ms":0)");
  CHECK(code_of(rig.line(again)) == "bad_args");
  rig.request(again, "3", "t", R"(,"reply_event":"done","stream":true)");
  CHECK(code_of(rig.line(again)) == "bad_args");
}

TEST_CASE("Frames that an id would push over the cap are too_large, each to the side that can help") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  const std::string most = "\"" + std::string(kMaxFrameBytes - 120, 'x') + "\"";
  rig.request(caller, "1", "t", R"(,"args":)" + most);
  CHECK(code_of(rig.line(caller)) == "too_large");
  CHECK(rig.lines(provider).empty());
  const std::string long_id(64, 'i');
  rig.request(caller, long_id, "t");
  std::string id = rig.given_one(provider);
  rig.result(provider, id, "\"" + std::string(kMaxFrameBytes - 80, 'x') + "\"");
  CHECK(code_of(rig.line(caller)) == "too_large");
  std::string line = rig.line(provider);
  CHECK(text_of(line, "code") == "frame_too_large");
  CHECK(text_of(line, "id") == id);
}

TEST_CASE("Tasks below bus. belong to the hub; sources of its user may provide below bus.source.") {
  hub::HubConfig config = rig_config();
  config.allow_uids = {2000, 3000};
  config.sources_uid = 3000;
  CallRig rig(config);
  PeerId ours = rig.client();
  rig.provide(ours, R"("ok","bus.mine")", R"(,"id":"p")");
  CHECK(code_of(rig.line(ours)) == "not_allowed");
  rig.request(ours, "r", "ok");
  CHECK(code_of(rig.line(ours)) == "no_provider");  // refused whole
  rig.provide(ours, R"("bus.mine")");
  CHECK(text_of(rig.line(ours), "type") == "error");
  rig.provide(ours, R"("bus.source.x.restart")", R"(,"id":"p")");
  CHECK(rig.line(ours) == ok("p", "null"));
  PeerId other = rig.client(2000);
  rig.provide(other, R"("bus.source.x.stop")", R"(,"id":"p")");
  CHECK(code_of(rig.line(other)) == "not_allowed");
  PeerId sources = rig.client(3000);
  rig.provide(sources, R"("bus.source.x.stop")", R"(,"id":"p")");
  CHECK(rig.line(sources) == ok("p", "null"));
  rig.request(other, "1", "bus.source.x.stop");
  CHECK(rig.given(sources).size() == 1);
}

TEST_CASE("provide has limits: 64 names in a frame, 1024 tasks, 1 to 1024 slots, and at least one name") {
  CallRig rig;
  PeerId id = rig.client();
  auto names = [](int from, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += (i == 0 ? "\"t" : ",\"t") + std::to_string(from + i) + "\"";
    return out;
  };
  rig.provide(id, names(0, 65));
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
  rig.provide(id, "");
  CHECK(text_of(rig.line(id), "code") == "bad_frame");
  for (const char* slots : {"0", "1025", "-1"}) {
    rig.provide(id, "\"a\"", std::string(R"(,"slots":)") + slots);
    CHECK(text_of(rig.line(id), "code") == "bad_frame");
  }
  for (int i = 0; i < 16; ++i) rig.provide(id, names(i * 64, 64));
  CHECK(rig.lines(id).empty());
  rig.provide(id, "\"one more\"", R"(,"id":"p")");
  CHECK(code_of(rig.line(id)) == "full");
}

TEST_CASE("bus.sync is answered behind the events that its connection sent before") {
  CallRig rig;
  PeerId listener = rig.consumer("k", R"("*")");
  PeerId source = rig.client();
  rig.send(source, R"({"type":"event","event_type":"e","payload":1})"
                   "\n"
                   R"({"type":"request","id":"s","task":"bus.sync"})"
                   "\n");
  CHECK(count_of(rig.lines(listener), "event") == 1);
  CHECK(rig.line(source) == ok("s", "null"));
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
  rig.advance(seconds(3));
  CHECK(rig.core.idle(rig.clock));
}

TEST_CASE("What calls hold is charged to their callers, and a request beyond the pool is busy") {
  hub::HubConfig config = rig_config();
  config.memory = 256 * 1024 * 1024;
  CallRig rig(config);
  PeerId caller = rig.client();
  const std::string args = R"(,"wait":true,"args":")" + std::string(1'000'000, 'x') + "\"";
  size_t accepted = 0;
  for (; accepted < 200; ++accepted) {
    rig.request(caller, std::to_string(accepted), "t", args);
    if (!rig.lines(caller).empty()) break;
  }
  CHECK(accepted > 3);
  CHECK(accepted < 40);
  rig.cancel(caller, "0");
  CHECK(code_of(rig.line(caller)) == "canceled");
  rig.request(caller, "again", "t", args);
  CHECK(rig.lines(caller).empty());
}

TEST_CASE("A peer that asks and does not read is not read, until it reads") {
  CallRig rig;
  PeerId caller = rig.client();
  rig.set_room(caller, 0);
  size_t sent = 0;
  for (; sent < 5000 && rig.core.wants(caller).read == hub::ReadState::read; ++sent)
    rig.request(caller, std::to_string(sent), "nobody");
  CHECK(sent < 2000);
  rig.set_room(caller, SIZE_MAX);
  CHECK(rig.core.wants(caller).read == hub::ReadState::read);
  CHECK(rig.lines(caller).size() == sent);
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

TEST_CASE("Requests to the hub's tasks may come in one write, and bus.sync is answered whatever waits") {
  CallRig rig;
  for (int i = 0; i < 15; ++i) {
    std::string names;
    for (int n = 0; n < 64; ++n)
      names += (n == 0 ? "\"" : ",\"") + std::string(100, 'a') + std::to_string(i * 64 + n) + "\"";
    rig.provider(names);
  }
  PeerId caller = rig.client();
  rig.set_room(caller, 0);
  std::string batch;
  for (int i = 0; i < 40; ++i)
    batch += R"({"type":"request","id":"t)" + std::to_string(i) + R"(","task":"bus.tasks"})" + "\n";
  rig.send(caller, batch + R"({"type":"request","id":"s","task":"bus.sync"})" + "\n");
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 41);
  CHECK(code_of(lines[5]).empty());
  CHECK(code_of(lines[39]) == "busy");
  CHECK(lines[40] == ok("s", "null"));
}

TEST_CASE("reply_event works for the hub's own tasks, too") {
  CallRig rig;
  PeerId listener = rig.consumer("k", R"("done")");
  PeerId caller = rig.connect();
  rig.request(caller, "1", "bus.sync", R"(,"reply_event":"done")");
  CHECK(rig.line(caller) == ok("1", R"({"accepted":true})"));
  CHECK(
      rig.line(listener) ==
      R"({"type":"event","event_type":"done","seq":1,"payload":{"id":"1","task":"bus.sync","result":null}})");
}

TEST_CASE("A task that is provided already does not count against the limit of tasks again") {
  CallRig rig;
  PeerId id = rig.client();
  for (int i = 0; i < 16; ++i) {
    std::string names;
    for (int n = 0; n < 64; ++n) names += (n == 0 ? "\"t" : ",\"t") + std::to_string(i * 64 + n) + "\"";
    rig.provide(id, names);
  }
  rig.provide(id, R"("t0","t0","t1")", R"(,"id":"p","slots":7)");
  CHECK(rig.line(id) == ok("p", "null"));
}

TEST_CASE("An error of a response needs a message") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  rig.send_line(provider, R"({"type":"response","id":")" + id + R"(","error":{"code":"x"}})");
  CHECK(text_of(rig.line(provider), "code") == "bad_frame");
  rig.result(provider, id);
  CHECK(rig.line(caller) == ok("1", "1"));
}
