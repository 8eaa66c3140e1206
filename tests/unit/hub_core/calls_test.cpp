// What a request and its answer are, and what is wrong with one (PROTOCOL.md 10).
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

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

TEST_CASE("A from or by that a client sends goes to nobody") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"by":"hub","more":1)");
  std::string line = rig.line(provider);
  CHECK(line.find("by") == std::string::npos);
  CHECK(token_of(line, "more") == "1");
  rig.send_line(provider, R"({"type":"response","id":")" + text_of(line, "id") +
                              R"(","by":"hub","from":{"pid":0},"more":2,"result":1})");
  CHECK(rig.line(caller) == R"({"type":"response","id":"1","more":2,"result":1})");
}

TEST_CASE("bus.tasks has the same members for a task that is only waited for") {
  CallRig rig;
  rig.request(rig.client(), "1", "t", R"(,"wait":true)");
  CHECK(
      rig.tasks() ==
      R"({"tasks":[{"task":"t","providers":[],"open":0,"waiting":1,"ends":{"done":0,"failed":0,"timeout":0,)"
      R"("canceled":0,"provider_gone":0,"declined":0,"no_provider":0,"busy":0,"other":0},"p50_us":0,"p99_us":0,)"
      R"("oldest_ms":0}]})");
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
  rig.request(again, "large", "t", R"(,"reply_event":"done")");
  static_cast<void>(rig.lines(again));
  static_cast<void>(rig.lines(listener));
  rig.result(provider, rig.given_one(provider), "\"" + std::string(kMaxFrameBytes - 100, 'x') + "\"");
  CHECK(code_of(token_of(rig.line(listener), "payload")) == "too_large");
  for (size_t levels : {kMaxDepth - 2, kMaxDepth - 1}) {
    rig.request(again, "deep", "t", R"(,"reply_event":"done")");
    static_cast<void>(rig.lines(again));
    rig.result(provider, rig.given_one(provider), std::string(levels, '[') + std::string(levels, ']'));
    CHECK(code_of(token_of(rig.line(listener), "payload")) == (levels == kMaxDepth - 1 ? "too_large" : ""));
  }
  rig.request(again, "2", "t", R"(,"reply_event":"done","timeout_ms":0)");
  CHECK(code_of(rig.line(again)) == "bad_args");
  rig.request(again, "3", "t", R"(,"reply_event":"done","stream":true)");
  CHECK(code_of(rig.line(again)) == "bad_args");
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

TEST_CASE("Requests to the hub's tasks may come in one write, and are answered as their caller reads") {
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
  CHECK(rig.core.wants(caller).read == hub::ReadState::paused);
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 41);
  CHECK(code_of(lines[5]).empty());
  CHECK(code_of(lines[39]).empty());
  CHECK(lines[40] == ok("s", "null"));
}
