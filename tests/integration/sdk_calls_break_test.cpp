// What becomes of calls through the SDK when a peer or the hub dies, is stopped, or reads slowly.
#include <string>
#include <vector>

#include "tests/integration/forked.h"
#include "tests/integration/sdk_calls_support.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/temp_dir.h"

namespace bus::test {
namespace {

using std::chrono::milliseconds;

// A process that provides "t", tells of each request that it gets, and answers none.
void serve_silently(const std::string& socket, const Forked::Tell& tell) {
  auto provider = peer(socket);
  provide(provider, "t");
  tell("ready");
  while (provider.next()) tell("request");
}

// --- peers ---

TEST_CASE("A provider that is killed ends its calls, and the next provider gets the idempotent ones",
          "[death]") {
  HubProcess hub;
  std::string socket = hub.socket();
  Forked provider([socket](const Forked::Tell& tell) { serve_silently(socket, tell); });
  REQUIRE(provider.read_line() == "ready");
  auto caller = peer(hub.socket());
  busd::Call once = caller.call_async("t", "1");
  REQUIRE(provider.read_line() == "request");
  busd::Call again = caller.call_async("t", "2", {.wait = true, .idempotent = true});
  REQUIRE(provider.read_line() == "request");
  provider.kill();
  busd::Answer answer = once.wait(kItemPatience);
  CHECK(answer.code == "provider_gone");
  CHECK(answer.by == "hub");
  Provider next(hub.socket(), "t", [](busd::Request request) { (void)request.respond(request.args()); });
  CHECK(again.wait(kItemPatience).result == "2");
}

TEST_CASE("A caller that is killed has its request canceled", "[death]") {
  HubProcess hub;
  std::string socket = hub.socket();
  Forked caller([socket](const Forked::Tell&) {
    auto connection = peer(socket);
    (void)connection.call("t", {}, {.wait = true});
  });
  auto provider = peer(hub.socket());
  provide(provider, "t");
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  caller.kill();
  busd::Item item = expect(provider, BUSD_ITEM_CANCELED);
  CHECK(item.number() == number);
  CHECK(text(item.raw().code) == "gone");
}

TEST_CASE("A provider that is stopped holds nobody up beyond the deadline, and its late answer is nobody's",
          "[death]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  provide(provider, "t");
  auto caller = peer(hub.socket());
  busd::Answer answer = caller.call("t", {}, {.timeout = milliseconds(50)});
  CHECK(answer.code == "timeout");
  CHECK(answer.by == "hub");
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  // The cancel lies in the socket, unread: the answer goes out, and nobody gets it.
  CHECK(busd_request_respond(provider.handle(), number, raw("1"), nullptr) == BUSD_OK);
  CHECK(provider.flush(kItemPatience));
  CHECK(caller.call("bus.sync"));
  auto item = caller.next(milliseconds(0));
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_TIMED_OUT);
}

// --- the hub ---

TEST_CASE("A hub that is stopped holds nobody up beyond the deadline", "[hub]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  provide(provider, "t");
  auto caller = peer(hub.socket());
  REQUIRE(caller.call("bus.sync"));
  hub.pause();
  busd::Answer answer = caller.call("t", {}, {.timeout = milliseconds(20)});
  CHECK(answer.code == "timeout");
  CHECK(answer.by == "library");
  busd::Call started = caller.call_async("t", {}, {.timeout = milliseconds(20)});
  CHECK(started.wait(kItemPatience).code == "timeout");
  hub.resume();
  // What the hub says of them now is nobody's, and the connection works on.
  CHECK(caller.call("bus.sync"));
  auto item = caller.next(milliseconds(0));
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_TIMED_OUT);
}

TEST_CASE("A hub that is killed and comes back: calls are lost, requests canceled, tasks provided again",
          "[hub]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto provider = peer(hub->socket());
  provide(provider, "t");
  auto caller = peer(hub->socket());
  busd::Call open = caller.call_async("t");
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  hub->kill();

  busd::Answer answer = open.wait(kItemPatience);
  CHECK(answer.code == "lost");
  CHECK(answer.by == "library");
  expect(provider, BUSD_ITEM_BREAK);
  busd::Item item = expect(provider, BUSD_ITEM_CANCELED);
  CHECK(item.number() == number);
  CHECK(text(item.raw().code) == "lost");
  CHECK(busd_request_respond(provider.handle(), number, raw("1"), nullptr) == BUSD_OK);
  // Started while there is no hub: it waits for one, and for the provider.
  busd::Call later = caller.call_async("t", "2", {.wait = true});

  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  expect(provider, BUSD_ITEM_RESET);
  // The caller has to reconnect before its request comes.
  std::thread waiting([&] { (void)later.wait(kItemPatience); });
  item = expect(provider, BUSD_ITEM_REQUEST);
  CHECK(item.number() == number + 1);
  CHECK(text(item.raw().request->args) == "2");
  CHECK(busd_request_respond(provider.handle(), item.number(), raw("\"again\""), nullptr) == BUSD_OK);
  waiting.join();
  REQUIRE(later.is_done());
  CHECK(later.answer().result == "\"again\"");
}

TEST_CASE("Without reconnecting, every open call ends before the connection does", "[hub]") {
  HubProcess hub;
  auto caller = open_connection({.socket = hub.socket(), .no_start = true, .no_reconnect = true});
  auto provider = peer(hub.socket());
  provide(provider, "t");
  auto error = BUSD_INIT(busd_error);
  uint64_t numbers[2] = {0, 0};
  for (uint64_t& number : numbers) {
    REQUIRE(busd_connection_call_start(caller.handle(), raw("t"), raw(""), nullptr, &number, &error) ==
            BUSD_OK);
  }
  hub.kill();
  for (uint64_t number : numbers) {
    busd::Item item = expect(caller, BUSD_ITEM_CALL_END);
    CHECK(item.number() == number);
    CHECK(text(item.raw().answer->code) == "lost");
  }
  auto item = caller.next(kItemPatience);
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_CLOSED);
  CHECK(caller.call("t").status == BUSD_CLOSED);
}

TEST_CASE("What is not allowed to be provided is refused with the hub's words", "[hub]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  auto served = provider.serve("bus.own", [](busd::Request) {});
  REQUIRE_FALSE(served);
  CHECK(served.error().result == BUSD_REFUSED);
  CHECK(served.error().message.find("bus.") != std::string::npos);
  REQUIRE(provider.serve("own", [](busd::Request) {}));
  REQUIRE(provider.unserve("own"));
  CHECK(provider.call("own").code == "no_provider");
}

TEST_CASE("A hub without calls says so", "[hub]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello();
    peer.wait_for_end();
  }});
  {
    auto caller = peer(hub.socket());
    CHECK(caller.call("t").status == BUSD_PROTOCOL);
    auto served = caller.serve("t", [](busd::Request) {});
    REQUIRE_FALSE(served);
    CHECK(served.error().result == BUSD_PROTOCOL);
    caller.abandon();
  }
  hub.finish();
}

// --- streams ---

TEST_CASE("A stream of 8 MiB, more than the hub holds: all of it, once, in order", "[stream]") {
  HubProcess hub;
  constexpr int kChunks = 256;
  const std::string part(32 * 1024, 'x');
  Provider provider(hub.socket(), "t", [&](busd::Request request) {
    for (int i = 0; i < kChunks; ++i) {
      if (!request.chunk("[" + std::to_string(i) + ",\"" + part + "\"]")) return;
    }
    (void)request.respond("\"end\"");
  });
  auto caller = peer(hub.socket());
  busd::Call call = caller.call_async("t", {}, {.stream = true});
  int chunks = 0;
  bool in_order = true;
  call.on_chunk([&](std::string_view data) {
    in_order = in_order && data == "[" + std::to_string(chunks) + ",\"" + part + "\"]";
    ++chunks;
  });
  busd::Answer answer = call.wait(kItemPatience);
  CHECK(answer.result == "\"end\"");
  CHECK(chunks == kChunks);
  CHECK(in_order);
}

TEST_CASE("A chunk that does not wait says when its reader does not keep up", "[stream]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  provide(provider, "t");
  auto caller = peer(hub.socket());
  busd::Call call = caller.call_async("t", {}, {.stream = true});
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  const std::string part = "\"" + std::string(64 * 1024, 'x') + "\"";
  int sent = 0;
  busd_result result = BUSD_OK;
  // The socket and the hub take a little before the hub says stop.
  while ((result = busd_request_chunk(provider.handle(), number, raw(part), 0, nullptr)) == BUSD_OK) {
    ++sent;
    REQUIRE(provider.flush(kItemPatience));
    REQUIRE(sent < 64);
  }
  CHECK(result == BUSD_TIMED_OUT);
  expect(provider, BUSD_ITEM_PAUSE);
  int chunks = 0;
  call.on_chunk([&](std::string_view) {
    if (++chunks == sent) caller.wake();
  });
  REQUIRE(caller.run());
  CHECK(chunks == sent);
  expect(provider, BUSD_ITEM_RESUME);
  CHECK(busd_request_chunk(provider.handle(), number, raw("1"), 0, nullptr) == BUSD_OK);
  CHECK(busd_request_respond(provider.handle(), number, {}, nullptr) == BUSD_OK);
  CHECK(call.wait(kItemPatience));
  CHECK(chunks == sent + 1);
}

TEST_CASE("A chunk for a call that asked for none, or that has ended, is told to its provider", "[stream]") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  provide(provider, "t");
  auto caller = peer(hub.socket());
  busd::Call plain = caller.call_async("t");
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  CHECK(busd_request_chunk(provider.handle(), number, raw("1"), 0, nullptr) == BUSD_INVALID);
  busd::Call stream = caller.call_async("t", {}, {.stream = true});
  number = expect(provider, BUSD_ITEM_REQUEST).number();
  CHECK(busd_request_chunk(provider.handle(), number, raw("{"), 0, nullptr) == BUSD_INVALID);
  REQUIRE(stream.cancel());
  CHECK(stream.wait(kItemPatience).code == "canceled");
  expect(provider, BUSD_ITEM_CANCELED);
  CHECK(busd_request_chunk(provider.handle(), number, raw("1"), 0, nullptr) == BUSD_CANCELED);
  CHECK(busd_request_progress(provider.handle(), number, 1, 2, {}, nullptr) == BUSD_CANCELED);
}

}  // namespace
}  // namespace bus::test
