// Calls through the SDK: callers and providers on a real hub.
#include <string>
#include <vector>

#include "tests/integration/sdk_calls_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {
namespace {

TEST_CASE("A call gets the result of its provider, byte for byte", "[call]") {
  HubProcess hub;
  auto provider = peer(hub.socket(), "adder");
  auto caller = peer(hub.socket(), "asker");
  std::string args;
  std::string source;
  REQUIRE(provider.serve("math.add", [&](busd::Request request) {
    args = request.args();
    source = request.source();
    CHECK(request.task() == "math.add");
    CHECK(request.timeout() > std::chrono::milliseconds(59'000));
    CHECK(request.pid() == ::getpid());
    CHECK(request.respond(R"({"sum":3.10})"));
    provider.wake();
  }));
  busd::Call call = caller.call_async("math.add", "{\"a\":1.10,\n\"b\":2}");
  REQUIRE(provider.run());
  busd::Answer answer = call.wait(kItemPatience);
  CHECK(answer);
  CHECK(answer.result == R"({"sum":3.10})");
  CHECK(args == R"({"a":1.10, "b":2})");
  CHECK(source == "asker");
}

TEST_CASE("A blocking call keeps what else comes", "[call]") {
  HubProcess hub;
  std::thread serving([&] {
    auto provider = peer(hub.socket());
    auto served = provider.serve("t", [&](busd::Request request) {
      (void)provider.publish("t", "7");
      (void)provider.flush(kItemPatience);
      (void)request.respond("1");
      provider.wake();
    });
    if (served) (void)provider.run();
  });
  auto caller = open_connection(connection_options(hub.socket(), "k"));
  busd::Answer answer = caller.call("t", {}, {.wait = true});
  serving.join();
  CHECK(answer.message.empty());
  CHECK(answer.result == "1");
  CHECK(next_item(caller) == "event 7");
}

TEST_CASE("The error of a provider, of the hub and of the library come with their code and who says so",
          "[call]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  auto caller = peer(hub.socket());
  REQUIRE(provider.serve("fails", [&](busd::Request request) {
    (void)request.fail("no_such_row", "row 7 does not exist", R"({"row":7})");
    provider.wake();
  }));
  busd::Call call = caller.call_async("fails");
  REQUIRE(provider.run());
  busd::Answer answer = call.wait(kItemPatience);
  CHECK(answer.status == BUSD_FAILED);
  CHECK(answer.code == "no_such_row");
  CHECK(answer.message == "row 7 does not exist");
  CHECK(answer.by.empty());
  CHECK(answer.data == R"({"row":7})");

  answer = caller.call("failz");
  CHECK(answer.status == BUSD_FAILED);
  CHECK(answer.code == "no_provider");
  CHECK(answer.by == "hub");
}

TEST_CASE("A call with bad arguments is refused at once, and nothing is sent", "[call]") {
  HubProcess hub;
  auto caller = peer(hub.socket());
  struct Case {
    std::string task;
    std::string args;
    busd::CallOptions options;
    std::string message;
  };
  using std::chrono::milliseconds;
  std::vector<Case> cases{
      {"", "1", {}, "task"},
      {"t", "{", {}, "args: "},
      {"t", R"(1,"task":"u")", {}, "args is more than one JSON value"},
      {"t", "1", {.timeout = milliseconds(86'400'001)}, "timeout_ms is above 86400000"},
      {"t", "1", {.members = R"("id":"7")"}, "id"},
      {"t", "1", {.members = "x"}, "members: "},
      {"t", "1", {.parent = 5}, "there is no request 5"},
      {"t", std::string(1'048'576, '1'), {}, "the limit is 1048576"},
  };
  for (const Case& each : cases) {
    busd::Answer answer = caller.call(each.task, each.args, each.options);
    INFO(answer.message);
    CHECK(answer.status == BUSD_INVALID);
    CHECK(answer.message.find(each.message) != std::string::npos);
  }
  busd::Answer stream = caller.call("t", {}, {.stream = true});
  CHECK(stream.status == BUSD_INVALID);
  CHECK(caller.call("bus.sync"));
}

TEST_CASE("Raw items: a request is answered by its number after its item has gone", "[call]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  auto caller = peer(hub.socket());
  provide(provider, "t");
  busd::Call first = caller.call_async("t", "1", {.members = R"("traceparent":"00-a")"});
  busd::Call second = caller.call_async("t", "2");
  busd::Item item = expect(provider, BUSD_ITEM_REQUEST);
  uint64_t number = item.number();
  CHECK(text(item.raw().request->args) == "1");
  busd_text value{};
  REQUIRE(busd_item_member(&item.raw(), {"traceparent", 11}, &value) == BUSD_OK);
  CHECK(text(value) == R"("00-a")");
  item = expect(provider, BUSD_ITEM_REQUEST);
  CHECK(busd_request_respond(provider.handle(), item.number(), {"\"b\"", 3}, nullptr) == BUSD_OK);
  CHECK(busd_request_is_open(provider.handle(), number) == 1);
  CHECK(busd_request_respond(provider.handle(), number, {"\"a\"", 3}, nullptr) == BUSD_OK);
  CHECK(busd_request_is_open(provider.handle(), number) == 0);
  // Twice is no error, and changes nothing; a number that was never given is one.
  CHECK(busd_request_respond(provider.handle(), number, {"\"c\"", 3}, nullptr) == BUSD_OK);
  CHECK(busd_request_respond(provider.handle(), 99, {"\"c\"", 3}, nullptr) == BUSD_INVALID);
  CHECK(second.wait(kItemPatience).result == "\"b\"");
  CHECK(first.wait(kItemPatience).result == "\"a\"");
}

TEST_CASE("A canceled call ends at once, and its provider is told", "[call]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  auto caller = peer(hub.socket());
  provide(provider, "t");
  busd::Call call = caller.call_async("t");
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  REQUIRE(call.cancel());
  CHECK(call.wait(kItemPatience).code == "canceled");
  busd::Item item = expect(provider, BUSD_ITEM_CANCELED);
  CHECK(item.number() == number);
  CHECK(text(item.raw().code) == "canceled");
  CHECK(busd_request_is_open(provider.handle(), number) == 0);
  CHECK(busd_request_respond(provider.handle(), number, {"1", 1}, nullptr) == BUSD_OK);
  CHECK(busd_request_chunk(provider.handle(), number, {"1", 1}, 0, nullptr) == BUSD_CANCELED);
  // A cancel that comes too late is no error.
  CHECK(call.cancel());
}

TEST_CASE("A request that a handler drops fails, and one that is declined goes to another provider",
          "[call]") {
  HubProcess hub;
  auto first = peer(hub.socket());
  auto second = peer(hub.socket());
  auto caller = peer(hub.socket());
  REQUIRE(first.serve("t",
                      [&](busd::Request request) {
                        (void)request.decline();
                        first.wake();
                      },
                      {.priority = 1}));
  REQUIRE(second.serve("t", [&](busd::Request) { second.wake(); }));
  busd::Call call = caller.call_async("t");
  REQUIRE(first.run());
  REQUIRE(second.run());
  CHECK(call.wait(kItemPatience).code == "unanswered");
}

TEST_CASE("Chunks come in order before the end, and progress to any call", "[call]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  auto caller = peer(hub.socket());
  provide(provider, "t");
  std::string parts;
  std::string progress;
  busd::Call call = caller.call_async("t", {}, {.stream = true});
  call.on_chunk([&](std::string_view data) { parts += data; });
  call.on_progress([&](const busd::Progress& how) {
    progress = std::to_string(how.done) + "/" + std::to_string(how.total) + " " + std::string(how.text);
    caller.wake();
  });
  busd::Item item = expect(provider, BUSD_ITEM_REQUEST);
  CHECK(item.raw().request->stream == 1);
  uint64_t number = item.number();
  CHECK(busd_request_progress(provider.handle(), number, 1, 2, {"half", 4}, nullptr) == BUSD_OK);
  REQUIRE(caller.run());
  for (std::string part : {"1", "2", "3"})
    CHECK(busd_request_chunk(provider.handle(), number, {part.data(), part.size()}, 0, nullptr) == BUSD_OK);
  CHECK(busd_request_respond(provider.handle(), number, {}, nullptr) == BUSD_OK);
  CHECK(call.wait(kItemPatience).result == "null");
  CHECK(parts == "123");
  CHECK(progress == "1/2 half");
}

TEST_CASE("1 000 calls at once all end with their own result", "[many]") {
  HubProcess hub;
  Provider provider(hub.socket(), "echo",
                    [](busd::Request request) { (void)request.respond(request.args()); }, {.slots = 64});
  auto caller = peer(hub.socket());
  std::vector<busd::Call> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(caller.call_async("echo", std::to_string(i)));
  REQUIRE(busd::wait_all(calls, kItemPatience));
  for (size_t i = 0; i < calls.size(); ++i) CHECK(calls[i].answer().result == std::to_string(i));
}

TEST_CASE("While it waits for a call, a connection serves its own requests", "[many]") {
  HubProcess hub;
  auto connection = peer(hub.socket());
  REQUIRE(connection.serve("a", [&](busd::Request request) {
    busd::Answer inner = connection.call_async("b", {}, {.parent = request.number()}).wait(kItemPatience);
    (void)request.respond("[" + inner.result + "]");
  }));
  REQUIRE(connection.serve("b", [](busd::Request request) { (void)request.respond("2"); }));
  CHECK(connection.call_async("a").wait(kItemPatience).result == "[2]");
}

}  // namespace
}  // namespace bus::test
