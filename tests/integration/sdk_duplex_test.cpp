// Connections of the SDK that receive and publish: order, flush, and the hub that dies and comes back.
#include <atomic>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {
namespace {

constexpr std::chrono::milliseconds kNoWait{0};

// --- one connection for both ---

TEST_CASE("A connection receives what it publishes, and a flush keeps it", "[duplex]") {
  HubProcess hub;
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  CHECK(connection.is_first());
  CHECK(connection.publish("t", "1").number() == 1);
  CHECK(connection.publish("other", "2").number() == 2);
  CHECK(connection.publish("t", "3").number() == 3);
  CHECK(connection.flush(kItemPatience));
  auto item = connection.next(kItemPatience);
  REQUIRE(item);
  CHECK(describe(*item) == "event 1");
  CHECK(item->event().seq() == 1);
  item = connection.next(kItemPatience);
  REQUIRE(item);
  CHECK(describe(*item) == "event 3");
  CHECK(item->event().seq() == 2);
  item = connection.next(kNoWait);
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_TIMED_OUT);
}

TEST_CASE("The text of an item may be published", "[duplex]") {
  HubProcess hub;
  auto connection = open_connection(connection_options(hub.socket(), "k", {"ping", "pong"}));
  auto source = source_for(hub.socket());
  publish(source, "ping", R"({"n":1.10})");
  auto item = connection.next(kItemPatience);
  REQUIRE(item);
  busd::Event event = item->event();
  REQUIRE(connection.publish({.event_type = "pong", .payload = event.payload(), .event_id = event.type()}));
  item = connection.next(kItemPatience);
  REQUIRE(item);
  CHECK(item->event().type() == "pong");
  CHECK(item->event().id() == "ping");
  CHECK(item->event().payload() == R"({"n":1.10})");
}

TEST_CASE("A flush asks nothing about the own scope: nobody leaves by it", "[duplex]") {
  HubProcess hub;
  for (const char* key : {"k", "barrier"}) {
    int cleaned = 0;
    auto options = connection_options(hub.socket(), key);
    options.on_last = [&cleaned] { return ++cleaned > 0; };
    auto connection = open_connection(options);
    publish(connection, "t", "1");
    auto other = open_connection(options);
    CHECK_FALSE(other.is_first());
    publish(other, "t", "2");
    CHECK(other.close());
    CHECK(cleaned == 0);
    CHECK(connection.close());
    CHECK(cleaned == 1);
  }
}

TEST_CASE("A connection is a consumer or a named source, and says so", "[duplex]") {
  HubProcess hub;
  auto both = connection_options(hub.socket(), "k");
  both.source = "s";
  auto refused = busd::Connection::open(both);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().result == BUSD_INVALID);
  auto keyless = busd::Connection::open({.event_types = {"t"}, .socket = hub.socket(), .no_start = true});
  REQUIRE_FALSE(keyless);
  CHECK(keyless.error().result == BUSD_INVALID);
  CHECK(keyless.error().message.find("key") != std::string::npos);

  auto consumer = open_connection(connection_options(hub.socket(), "k"));
  CHECK_FALSE(consumer.report(busd::SourceState::connected));
  auto named = open_connection({.source = "s", .socket = hub.socket(), .no_start = true});
  CHECK(next_item(consumer) == "source s connected");
  REQUIRE(named.report(busd::SourceState::reconnecting, "why"));
  CHECK(next_item(consumer) == "source s reconnecting");
  publish(named, "t", "1");
  CHECK(next_item(consumer) == "event 1");
  CHECK(named.close());
  CHECK(next_item(consumer) == "source s disconnected");
  auto anonymous = open_connection({.socket = hub.socket(), .no_start = true});
  publish(anonymous, "t", "2");
  CHECK(next_item(consumer) == "event 2");
}

TEST_CASE("Closing a connection flushes, and cleans up", "[duplex]") {
  HubProcess hub;
  auto consumer = open_consumer(consumer_options(hub.socket(), "watch"));
  int cleaned = 0;
  {
    auto options = connection_options(hub.socket(), "k", {});
    options.on_last = [&cleaned] { return ++cleaned > 0; };
    options.hold_bytes = 4096;
    auto connection = open_connection(options);
    REQUIRE(connection.publish("t", "1"));
  }
  CHECK(cleaned == 1);
  CHECK(next_item(consumer) == "event 1");
}

TEST_CASE("Another thread wakes a connection that waits for an item, or for a flush", "[duplex]") {
  HubProcess hub;
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  std::thread waker([&connection] { connection.wake(); });
  auto item = connection.next(busd::forever);
  waker.join();
  REQUIRE_FALSE(item);
  CHECK(item.error().message == "woken");
  hub.pause();
  REQUIRE(connection.publish("t", "1"));
  std::thread again([&connection] { connection.wake(); });
  auto flushed = connection.flush(busd::forever);
  again.join();
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().message == "woken");
  hub.resume();
  CHECK(connection.flush(kItemPatience));
  CHECK(next_item(connection) == "event 1");
}

// --- order ---

TEST_CASE("Items come in the order in which they happened, whatever the user waited for", "[order]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello(true);
    peer.line();  // frame 2, an event
    peer.say(R"({"type":"event","event_type":"t","seq":1,"payload":1})");
    peer.line();  // frame 3, the barrier
    peer.say(R"({"type":"error","code":"bad_frame","message":"no","frame":2})");
    peer.say(R"({"type":"event","event_type":"t","seq":4,"m":[7],"payload":4})");
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
    peer.say(R"({"type":"source_status","source":"s","state":"connected"})");
    peer.wait_for_end();
  }});
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  REQUIRE(connection.publish("t", "x"));
  auto flushed = connection.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_REFUSED);
  CHECK(next_item(connection) == "event 1");
  CHECK(next_item(connection) == "refused 1 bad_frame");
  CHECK(next_item(connection) == "lost 2");
  auto item = connection.next(kItemPatience);
  REQUIRE(item);
  CHECK(describe(*item) == "event 4");
  CHECK(item->event().member("m") == "[7]");
  CHECK(next_item(connection) == "source s connected");
  connection.abandon();
}

TEST_CASE("A stream to oneself loses nothing without a word", "[order]") {
  constexpr std::uint64_t kEvents = 40'000;
  HubProcess hub;
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  auto take = [&] {
    for (auto item = connection.next(kNoWait); item; item = connection.next(kNoWait)) {
      if (item->is_lost()) {
        lost += item->lost().count;
        continue;
      }
      REQUIRE(item->is_event());
      REQUIRE(item->event().seq() == ++events + lost);
      REQUIRE(item->event().payload() == std::to_string(events + lost));
    }
  };
  for (std::uint64_t n = 1; n <= kEvents; ++n) REQUIRE(connection.publish("t", std::to_string(n)));
  auto flushed = connection.flush(kItemPatience);
  // More than an inbox holds.
  for (int rounds = 0; !flushed && rounds < 1000; ++rounds) {
    REQUIRE(flushed.error().result == BUSD_TIMED_OUT);
    take();
    flushed = connection.flush(kItemPatience);
  }
  CHECK(flushed);
  publish(connection, "t", std::to_string(kEvents + 1));
  TimePoint give_up = now() + seconds(10);
  while (events + lost < kEvents + 1 && now() < give_up) take();
  CHECK(events + lost == kEvents + 1);
  CHECK(connection.close());
}

TEST_CASE("Hosted by a loop, events that were held back are sent when items are taken", "[order]") {
  HubProcess hub;
  auto options = connection_options(hub.socket(), "k");
  options.hold_bytes = 65'536;
  auto connection = open_connection(options);
  CHECK_FALSE(connection.deadline());
  hub.pause();
  REQUIRE(connection.publish("t", "1"));
  CHECK(connection.deadline() == kNoWait);
  CHECK_FALSE(connection.next(kNoWait));
  CHECK_FALSE(connection.deadline());
  hub.resume();
  pollfd waiting{connection.fd(), connection.events(), 0};
  CHECK(::poll(&waiting, 1, 10'000) == 1);
  CHECK(next_item(connection) == "event 1");
}

TEST_CASE("Hosted by a loop, what a flush has kept is due at once", "[order]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello();
    peer.line();  // the event
    peer.say(R"({"type":"event","event_type":"t","seq":1,"payload":1})");
    peer.line();  // the barrier
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
    peer.wait_for_end();
  }});
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  publish(connection, "t", "1");
  CHECK(connection.deadline() == kNoWait);
  auto item = connection.next(kNoWait);
  REQUIRE(item);
  CHECK(describe(*item) == "event 1");
  CHECK_FALSE(connection.deadline());
  connection.abandon();
}

// --- more than is kept ---

std::string large_event(int seq) {
  return R"({"type":"event","event_type":"t","seq":)" + std::to_string(seq) + R"(,"payload":")" +
         std::string(100'000, 'x') + "\"}";
}

TEST_CASE("A flush whose answer stands behind more than is kept says so, and goes on when items were taken",
          "[full]") {
  constexpr int kEvents = 120;
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello();
    peer.line();  // the event
    peer.line();  // the barrier
    for (int n = 1; n <= kEvents; ++n) peer.say(large_event(n));
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
    peer.wait_for_end();
  }});
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  REQUIRE(connection.publish("t", "1"));
  auto flushed = connection.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_TIMED_OUT);
  CHECK(flushed.error().message.find("wait to be taken") != std::string::npos);
  for (std::uint64_t n = 1; n <= kEvents; ++n) {
    auto item = connection.next(kItemPatience);
    REQUIRE(item);
    REQUIRE(item->event().seq() == n);
  }
  CHECK(connection.flush(kItemPatience));
  connection.abandon();
}

TEST_CASE("Who takes no items still publishes, and is told when the connection ends", "[full]") {
  constexpr int kPublications = 2000;
  std::atomic<int> received{0};
  ScriptedHub hub({[&received](ScriptPeer& peer) {
    peer.accept_hello();
    peer.line();  // the first event
    peer.line();  // the barrier
    for (int n = 1; n <= 86; ++n) peer.say(large_event(n));
    while (received < kPublications && !peer.line().empty()) ++received;
  }});
  auto options = connection_options(hub.socket(), "k");
  options.buffer_bytes = 20'000;
  options.no_reconnect = true;
  auto connection = open_connection(options);
  REQUIRE(connection.publish("t", "1"));
  auto flushed = connection.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_TIMED_OUT);
  for (int n = 0; n < kPublications; ++n) {
    auto sent = connection.publish("t", "\"" + std::string(1000, 'y') + "\"");
    INFO(sent.error().message);
    REQUIRE(sent);
  }
  // The hub ends the connection when it has all. What was kept can still be taken.
  std::uint64_t events = 0;
  auto item = connection.next(kItemPatience);
  for (; item; item = connection.next(kItemPatience)) REQUIRE(item->event().seq() == ++events);
  CHECK(events == 86);
  CHECK(item.error().result == BUSD_CLOSED);
  CHECK(received == kPublications);
}

// --- the hub dies and comes back ---

TEST_CASE("A new hub gets the hello, the events in between and the next ones, on the one connection",
          "[break]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  int set_up = 0;
  auto options = connection_options(hub->socket(), "k");
  options.on_first = [&set_up] { return ++set_up > 0; };
  auto connection = open_connection(options);
  int fd = connection.fd();
  publish(connection, "t", "1");
  CHECK(next_item(connection) == "event 1");
  hub->kill();
  auto broke = connection.next(kItemPatience);
  REQUIRE(broke);
  CHECK(broke->is_break());
  CHECK(broke->unconfirmed() == 0);
  // Nothing is in doubt, so that this is only queued.
  REQUIRE(connection.publish("t", "2"));
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  CHECK(connection.flush(kItemPatience));
  CHECK(set_up == 1);  // it runs when the reset is taken
  CHECK(next_item(connection) == "reset first");
  CHECK(set_up == 2);
  CHECK(next_item(connection) == "event 2");
  publish(connection, "t", "3");
  CHECK(next_item(connection) == "event 3");
  CHECK(connection.fd() == fd);
}

TEST_CASE("A break says how many publications are in doubt, and is reported once", "[break]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto connection = open_connection(connection_options(hub->socket(), "k", {}));
  publish(connection, "t", "1");
  hub->pause();
  REQUIRE(connection.publish("t", "2"));
  REQUIRE(connection.publish("t", "3"));
  hub->kill();
  SECTION("by its item") {
    auto broke = connection.next(kItemPatience);
    REQUIRE(broke);
    REQUIRE(broke->is_break());
    CHECK(broke->unconfirmed() == 2);
    CHECK(connection.unconfirmed() == 2);
    CHECK(connection.publish("t", "4"));
  }
  SECTION("by a flush, and its item is still there") {
    auto flushed = connection.flush(kItemPatience);
    REQUIRE_FALSE(flushed);
    CHECK(flushed.error().result == BUSD_LOST);
    CHECK(connection.publish("t", "4"));
    auto broke = connection.next(kItemPatience);
    REQUIRE(broke);
    REQUIRE(broke->is_break());
    CHECK(broke->unconfirmed() == 2);
  }
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  CHECK(connection.flush(kItemPatience));
  CHECK(next_item(connection) == "reset first");
}

}  // namespace
}  // namespace bus::test
