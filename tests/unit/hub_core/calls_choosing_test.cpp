// Who provides a task, and which of them takes a call, now or when it has waited (PROTOCOL.md 10, choosing).
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

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
  config.allow_uids = {2000};
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
  PeerId another = rig.client(2000);
  rig.request(another, "1", "t");
  CHECK(rig.lines(another).empty());
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

TEST_CASE("A provider with 4 MiB of requests unread has no free slot until it reads") {
  CallRig rig;
  PeerId stopped = rig.provider(R"("t")", R"(,"priority":1)");
  PeerId other = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.set_room(stopped, 0);
  const std::string args = R"(,"args":")" + std::string(1'000'000, 'x') + "\"";
  int sent = 0;
  while (sent < 10 && rig.given(other).empty()) rig.request(caller, std::to_string(++sent), "t", args);
  // One is on its way to the socket, and five that wait for it are more than 4 MiB.
  CHECK(sent == 7);
  rig.set_room(stopped, SIZE_MAX);
  CHECK(rig.given(stopped).size() == 6);
  rig.request(caller, "small", "t");
  CHECK(rig.given(stopped).size() == 1);
}

TEST_CASE("One that was silent takes what waits as soon as it says something") {
  CallRig rig;
  PeerId stopped = rig.provider(R"("t")", R"(,"priority":1,"slots":1)");
  PeerId good = rig.provider(R"("t")", R"(,"slots":1)");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"timeout_ms":100)");
  rig.request(caller, "2", "t");
  rig.request(caller, "3", "t");
  CHECK(rig.given(stopped).size() == 1);
  CHECK(rig.given(good).size() == 1);
  rig.advance(milliseconds(100));
  CHECK(rig.given(stopped).empty());  // its slot is free, but the other will take the call
  SECTION("any frame") {
    rig.send_line(stopped, R"({"type":"event","event_type":"alive"})");
    CHECK(rig.given(stopped).size() == 1);
  }
  SECTION("a request that it might serve itself, which came later") {
    rig.request(stopped, "own", "t", R"(,"args":"own")");
    auto lines = rig.lines(stopped);
    REQUIRE(lines.size() == 1);
    CHECK(token_of(lines[0], "args") == "null");
  }
}

TEST_CASE("The pattern for all tasks is none for those below bus., also for calls that wait") {
  CallRig rig;
  PeerId all = rig.provider(R"("*")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "bus.source.x.stop");
  CHECK(code_of(rig.line(caller)) == "no_provider");
  rig.request(caller, "2", "bus.source.x.stop", R"(,"wait":true)");
  PeerId beside = rig.provider(R"("*")");
  CHECK(rig.lines(all).empty());
  CHECK(rig.lines(beside).empty());
  // It is provided anew while the call waits.
  rig.hang_up(all);
  rig.hang_up(beside);
  PeerId late = rig.provider(R"("*")");
  CHECK(rig.lines(late).empty());
  rig.provide(late, R"("bus.source.*")");
  CHECK(rig.given(late).size() == 1);
}

TEST_CASE("A call that was declined after a part of its answer is not passed on") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")", R"(,"priority":1)");
  PeerId other = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"stream":true)");
  std::string id = rig.given_one(provider);
  rig.chunk(provider, id, "1");
  rig.error(provider, id, "declined");
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 2);
  CHECK(code_of(lines[1]) == "declined");
  CHECK(rig.lines(other).empty());
}
