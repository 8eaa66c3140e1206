// Sources of the SDK against the real hub: publishing, back-pressure, and what is known when a connection
// breaks.
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {
namespace {

busd::SourceOptions options_for(const std::string& socket) {
  busd::SourceOptions options;
  options.socket = socket;
  options.no_start = true;
  return options;
}

busd::Consumer consumer_for(const std::string& socket) {
  return open_consumer({.key = "k", .event_types = {"t"}, .socket = socket, .no_start = true});
}

std::string message_of(const busd::Published& published) {
  return published ? "" : published.error().message;
}

// --- publish ---

TEST_CASE("Publications are numbered and arrive in order, and flush says when all are processed",
          "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto source = open_source(options_for(hub.socket()));
  for (std::uint64_t n = 1; n <= 500; ++n) {
    auto published = source.publish("t", std::to_string(n));
    REQUIRE(published);
    REQUIRE(published.number() == n);
  }
  REQUIRE(source.flush(kItemPatience));
  CHECK(hub.status().events.published == 500);
  for (int n = 1; n <= 500; ++n) REQUIRE(next_item(consumer) == "event " + std::to_string(n));
  CHECK(source.unconfirmed() == 0);
  CHECK_FALSE(source.next_refusal());
}

TEST_CASE("Closing a source delivers everything first, and the hub knows that it is gone", "[publish]") {
  HubProcess hub({"--queue-frames", "20000"});
  auto consumer = consumer_for(hub.socket());
  auto options = options_for(hub.socket());
  options.name = "s";
  auto source = open_source(options);
  for (int n = 1; n <= 10'000; ++n) REQUIRE(source.publish("t", std::to_string(n)));
  CHECK(source.close());
  auto status = hub.status();
  CHECK(status.events.published == 10'000);
  CHECK(next_item(consumer) == "source s connected");
  for (int n = 1; n <= 10'000; ++n) REQUIRE(next_item(consumer) == "event " + std::to_string(n));
  CHECK(next_item(consumer) == "source s disconnected");
}

TEST_CASE("A destroyed source has flushed", "[publish]") {
  HubProcess hub;
  {
    auto source = open_source(options_for(hub.socket()));
    for (int n = 0; n < 100; ++n) CHECK(source.publish("t", "1"));
  }
  CHECK(hub.status().events.published == 100);
}

TEST_CASE("With checks, what cannot be published is refused before it is sent, with a number all the same",
          "[publish]") {
  HubProcess hub;
  auto options = options_for(hub.socket());
  options.check_payloads = true;
  auto source = open_source(options);
  auto bad = source.publish("t", "{\"a\":}");
  CHECK_FALSE(bad);
  CHECK(bad.error().result == BUSD_INVALID);
  CHECK(bad.number() == 1);
  CHECK(bad.error().message.rfind("payload: ", 0) == 0);
  CHECK(source.publish("", "1").error().result == BUSD_INVALID);
  CHECK(source.publish_frame("{\"type\":\"hello\"}").error().result == BUSD_INVALID);
  CHECK(source.publish("t", "\"" + std::string(1'048'576, 'x') + "\"").error().result == BUSD_INVALID);
  auto good = source.publish("t", "1");
  CHECK(good);
  CHECK(good.number() == 5);
  CHECK(source.flush(kItemPatience));
  CHECK(hub.status().events.published == 1);
  CHECK(hub.status().events.refused == 0);
}

TEST_CASE("Without checks, the hub refuses what is not JSON, and those around it arrive", "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto source = open_source(options_for(hub.socket()));
  CHECK(source.publish("t", "1"));
  CHECK(source.publish("t", "{\"a\":}").number() == 2);
  CHECK(source.publish("t", "3"));
  CHECK(source.publish_frame("{\"type\":\"event\",\"payload\":4}").number() == 4);
  CHECK(source.publish_frame("{\"type\":\"event\",\"event_type\":\"t\",\"type\":\"bye\"}").number() == 5);
  CHECK(source.publish("t", std::string_view("6\0", 2)).number() == 6);
  CHECK(source.publish("t", "7"));
  auto flushed = source.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_REFUSED);
  CHECK(flushed.error().message.find("refused 4") != std::string::npos);

  using Catch::Matchers::Contains;
  auto refused = [&source](std::uint64_t publication, const std::string& code, const std::string& text) {
    auto refusal = source.next_refusal();
    REQUIRE(refusal);
    CHECK(refusal->publication == publication);
    CHECK(refusal->code == code);
    CHECK_THAT(std::string(refusal->message), Contains(text));
  };
  refused(2, "bad_json", "not JSON at byte");
  refused(4, "bad_frame", "event_type");
  refused(5, "bad_frame", "type");
  refused(6, "bad_json", "NUL");
  CHECK_FALSE(source.next_refusal());
  for (const char* payload : {"1", "3", "7"}) CHECK(next_item(consumer) == "event " + std::string(payload));

  // Said once, and the source lives on.
  CHECK(source.publish("t", "8"));
  CHECK(source.flush(kItemPatience));
  CHECK(next_item(consumer) == "event 8");
  auto events = hub.status().events;
  CHECK(events.published == 4);
  CHECK(events.refused == 4);
}

TEST_CASE("Without checks, what would not be one event for the hub is refused before it is sent",
          "[publish]") {
  HubProcess hub;
  auto source = open_source(options_for(hub.socket()));
  CHECK(source.publish("", "1").error().result == BUSD_INVALID);
  CHECK(source.publish("t", "\"a\nb\"").error().result == BUSD_INVALID);
  CHECK(source.publish("t", "\"" + std::string(1'048'576, 'x') + "\"").error().result == BUSD_INVALID);
  for (const char* frame : {"", "{\"type\":\"bye\"}", "{\"type\":\"hello\"}",
                            "{\"type\":\"pre_shutdown_check\",\"event_key\":\"k\"}"}) {
    CHECK(source.publish_frame(frame).error().result == BUSD_INVALID);
  }
  CHECK(source.publish("t", "{\n\"a\": 1\n}").number() == 8);
  CHECK(source.flush(kItemPatience));
  CHECK(hub.status().events.published == 1);
  CHECK(hub.status().events.refused == 0);
}

TEST_CASE("Refusals without end are all counted, and cost no connection", "[publish]") {
  HubProcess hub({"--queue-frames", "20000"});
  auto consumer = consumer_for(hub.socket());
  auto options = options_for(hub.socket());
  options.hold_bytes = GENERATE(size_t{0}, size_t{65'536});
  auto source = open_source(options);
  constexpr std::uint64_t kEvents = 20'000;
  for (std::uint64_t n = 1; n <= kEvents; ++n) {
    // Every tenth is good.
    REQUIRE(message_of(source.publish("t", n % 10 == 0 ? std::to_string(n) : "}")) == "");
  }
  auto flushed = source.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().message.find("refused 18000") != std::string::npos);
  CHECK(source.unconfirmed() == 0);
  for (std::uint64_t n = 10; n <= kEvents; n += 10) {
    REQUIRE(next_item(consumer) == "event " + std::to_string(n));
  }
}

TEST_CASE("The largest event that may be published arrives whole", "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto options = options_for(hub.socket());
  options.check_payloads = GENERATE(false, true);
  auto source = open_source(options);
  size_t around =
      std::string(R"({"type":"event","event_type":"t","seq":18446744073709551615,"payload":""})").size() + 1;
  std::string payload = "\"" + std::string(1'048'576 - around, 'x') + "\"";
  publish(source, "t", payload);
  CHECK(next_item(consumer) == "event " + payload);
  CHECK(source.publish("t", "1" + payload).error().result == BUSD_INVALID);
}

TEST_CASE("A frame of the caller's own goes as it is", "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto source = open_source(options_for(hub.socket()));
  CHECK(source.publish_frame(
      "{\"payload\": [1.0], \"event_type\":\"t\",\"type\":\"event\",\"app\":\"x\"}\r\n"));
  REQUIRE(source.flush(kItemPatience));
  auto item = consumer.next(kItemPatience);
  REQUIRE(item);
  CHECK(item->event().payload() == "[1.0]");
  CHECK(item->event().member("app") == "\"x\"");
}

TEST_CASE("Repetitions by event id are dropped by the hub, without a refusal", "[publish]") {
  HubProcess hub;
  auto source = open_source(options_for(hub.socket()));
  for (int i = 0; i < 3; ++i) CHECK(source.publish({.event_type = "t", .payload = "1", .event_id = "same"}));
  CHECK(source.flush(kItemPatience));
  CHECK(hub.status().events.published == 1);
  CHECK(hub.status().events.duplicates == 2);
}

TEST_CASE("A source without a name has no state to report, and a state's detail has a limit", "[publish]") {
  HubProcess hub;
  auto anonymous = open_source(options_for(hub.socket()));
  CHECK(anonymous.status(busd::SourceState::connected).error().result == BUSD_INVALID);
  auto options = options_for(hub.socket());
  options.name = "s";
  auto named = open_source(options);
  CHECK(named.status(busd::SourceState::connected, std::string(4096, 'x')));
  CHECK(named.status(busd::SourceState::connected, std::string(4097, 'x')).error().result == BUSD_INVALID);
  CHECK(named.status(busd::SourceState::connected, "\xff").error().result == BUSD_INVALID);
  CHECK(named.flush(kItemPatience));
  CHECK(hub.status().events.refused == 0);
}

TEST_CASE("Events and states keep their order", "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto options = options_for(hub.socket());
  options.name = "s";
  auto source = open_source(options);
  CHECK(source.publish("t", "1"));
  CHECK(source.status(busd::SourceState::reconnecting));
  CHECK(source.publish("t", "2"));
  CHECK(source.flush(kItemPatience));
  CHECK(next_item(consumer) == "source s connected");
  CHECK(next_item(consumer) == "event 1");
  CHECK(next_item(consumer) == "source s reconnecting");
  CHECK(next_item(consumer) == "event 2");
}

TEST_CASE("A lone event is sent at once, without a flush", "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto source = open_source(options_for(hub.socket()));
  for (int n = 1; n <= 3; ++n) {
    CHECK(source.publish("t", std::to_string(n)));
    CHECK(next_item(consumer) == "event " + std::to_string(n));
  }
}

TEST_CASE("Events held back are due at once for a host, and sent by process", "[publish]") {
  HubProcess hub;
  auto consumer = consumer_for(hub.socket());
  auto options = options_for(hub.socket());
  options.hold_bytes = 65'536;
  auto source = open_source(options);
  CHECK_FALSE(source.deadline());
  for (int n = 1; n <= 100; ++n) REQUIRE(source.publish("t", std::to_string(n)));
  REQUIRE(source.deadline());
  CHECK(source.deadline()->count() == 0);
  CHECK(source.process());
  CHECK_FALSE(source.deadline());
  for (int n = 1; n <= 100; ++n) REQUIRE(next_item(consumer) == "event " + std::to_string(n));
  // Beyond the limit nobody has to call.
  for (int n = 0; n < 70; ++n) REQUIRE(source.publish("t", "\"" + std::string(1000, 'x') + "\""));
  CHECK(next_item(consumer).size() > 1000);
}

// --- pressure ---

TEST_CASE("A flush that the hub does not answer times out, and a later one confirms", "[pressure]") {
  HubProcess hub;
  auto source = open_source(options_for(hub.socket()));
  hub.pause();
  CHECK(source.publish("t", "1"));
  for (int i = 0; i < 2; ++i) {
    auto flushed = source.flush(std::chrono::milliseconds(20));
    REQUIRE_FALSE(flushed);
    CHECK(flushed.error().result == BUSD_TIMED_OUT);
  }
  hub.resume();
  CHECK(source.flush(kItemPatience));
  CHECK(hub.status().events.published == 1);
}

TEST_CASE("When the hub takes no more, publishing blocks at the buffer's size, and nothing is lost",
          "[pressure]") {
  HubProcess hub({"--queue-frames", "100000", "--queue-bytes", "64MiB"});
  auto consumer = consumer_for(hub.socket());
  auto options = options_for(hub.socket());
  options.buffer_bytes = 65'536;
  auto source = open_source(options);
  hub.pause();
  std::string filling = "\"" + std::string(1000, 'x') + "\"";
  std::uint64_t queued = 0;
  // The wake-up is there before the wait that it ends.
  source.wake();
  for (;;) {
    auto published = source.publish("t", filling);
    ++queued;
    if (published) {
      REQUIRE(queued < 100'000);
      continue;
    }
    CHECK(published.error().result == BUSD_TIMED_OUT);
    CHECK(published.number() == queued);
    break;
  }
  // The socket's own buffer and 64 KiB, not more.
  CHECK(queued > 65);
  CHECK(queued < 1000);
  std::thread resumer([&] { hub.resume(); });
  for (int i = 0; i < 2000; ++i, ++queued) REQUIRE(source.publish("t", filling));
  resumer.join();
  CHECK(source.flush(kItemPatience));
  CHECK(hub.status().events.published == queued);
  for (std::uint64_t n = 0; n < queued; ++n) REQUIRE(next_item(consumer) == "event " + filling);
}

TEST_CASE("A wake-up ends a flush", "[pressure]") {
  HubProcess hub;
  auto source = open_source(options_for(hub.socket()));
  hub.pause();
  CHECK(source.publish("t", "1"));
  std::thread waker([&] { source.wake(); });
  auto flushed = source.flush(busd::forever);
  waker.join();
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_TIMED_OUT);
  hub.resume();
  CHECK(source.flush(kItemPatience));
}

TEST_CASE("Hosted by a loop, a source sends what waits as the hub takes it", "[pressure]") {
  HubProcess hub;
  auto options = options_for(hub.socket());
  options.buffer_bytes = 16'777'216;
  auto source = open_source(options);
  hub.pause();
  std::string filling = "\"" + std::string(1000, 'x') + "\"";
  for (int n = 0; n < 2000; ++n) REQUIRE(source.publish("t", filling));
  pollfd waiting{source.fd(), source.events(), 0};
  CHECK(::poll(&waiting, 1, 0) == 0);
  hub.resume();
  TimePoint give_up = now() + seconds(10);
  while (hub.status().events.published < 2000 && now() < give_up) {
    ::poll(&waiting, 1, 10);
    REQUIRE(source.process());
  }
  CHECK(hub.status().events.published == 2000);
}

// --- break ---

TEST_CASE("What the hub had not confirmed when it died is counted, and reported once", "[break]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto source = open_source(options_for(hub->socket()));
  CHECK(source.publish("t", "0"));
  CHECK(source.flush(kItemPatience));
  hub->pause();
  for (int n = 1; n <= 10; ++n) CHECK(source.publish("t", std::to_string(n)));
  hub->kill();
  auto flushed = source.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_LOST);
  CHECK(flushed.error().message.find("10 publications") != std::string::npos);
  CHECK(source.unconfirmed() == 10);
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto consumer = consumer_for(hub->socket());
  auto published = source.publish("t", "11");
  CHECK(message_of(published) == "");
  CHECK(source.flush(kItemPatience));
  // Those of unknown fate are never sent twice.
  CHECK(next_item(consumer) == "event 11");
  CHECK(hub->status().events.published == 1);
}

TEST_CASE("What the dead hub cannot have seen goes to the next one, and all is accounted for", "[break]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto options = options_for(hub->socket());
  options.name = "s";
  options.buffer_bytes = 16'777'216;
  auto source = open_source(options);
  hub->pause();
  std::string filling = ",\"x\":\"" + std::string(1000, 'x') + "\"}";
  constexpr std::uint64_t kEvents = 2000;
  for (std::uint64_t n = 1; n <= kEvents; ++n) {
    REQUIRE(source.publish("t", "{\"n\":" + std::to_string(n) + filling));
    if (n == 1500) REQUIRE(source.status(busd::SourceState::reconnecting));
  }
  hub->kill();
  CHECK(source.flush(kItemPatience).error().result == BUSD_LOST);
  std::uint64_t lost = source.unconfirmed();
  CHECK(lost > 0);
  CHECK(lost < 1500);
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{"--queue-frames", "10000"});
  // The source may be back before the consumer is there; so count in the hub, and look at what comes last.
  CHECK(source.flush(kItemPatience));
  CHECK(hub->status().events.published == kEvents - lost);
  auto consumer = consumer_for(hub->socket());
  CHECK(next_item(consumer) == "source s reconnecting");
  publish(source, "t", "\"end\"");
  CHECK(next_item(consumer) == "event \"end\"");
}

TEST_CASE("Nothing is reported of a break when all was confirmed", "[break]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto source = open_source(options_for(hub->socket()));
  CHECK(source.publish("t", "1"));
  CHECK(source.flush(kItemPatience));
  hub->kill();
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  CHECK(message_of(source.publish("t", "2")) == "");
  CHECK(source.flush(kItemPatience));
  CHECK(hub->status().events.published == 1);
  CHECK(source.unconfirmed() == 0);
}

TEST_CASE("The state that a source has reported is reported to the next hub, too", "[break]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto options = options_for(hub->socket());
  options.name = "s";
  auto source = open_source(options);
  auto restart = [&] {
    hub->kill();
    hub.reset();
    hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  };
  auto state_after_restart = [&] {
    REQUIRE(source.flush(kItemPatience));
    restart();
    publish(source, "t", "1");
    // Who joins is told the last state.
    auto consumer = consumer_for(hub->socket());
    auto item = consumer.next(kItemPatience);
    REQUIRE(item);
    return describe(*item) + " " + std::string(item->source_status().detail);
  };
  CHECK(state_after_restart() == "source s connected ");
  REQUIRE(source.status(busd::SourceState::disconnected, "unplugged"));
  CHECK(state_after_restart() == "source s disconnected unplugged");
  CHECK(state_after_restart() == "source s disconnected unplugged");
  REQUIRE(source.status(busd::SourceState::connected));
  CHECK(state_after_restart() == "source s connected ");

  // A newer one that no hub has seen takes its place, and is said once.
  REQUIRE(source.status(busd::SourceState::disconnected));
  REQUIRE(source.flush(kItemPatience));
  hub->kill();
  REQUIRE(source.status(busd::SourceState::reconnecting));
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto consumer = consumer_for(hub->socket());
  publish(source, "t", "1");
  std::vector<std::string> items;
  while (items.empty() || items.back() != "event 1") items.push_back(next_item(consumer));
  // The consumer may have come before the source, or between any two frames of it.
  CHECK(std::count(items.begin(), items.end(), "source s disconnected") == 0);
  CHECK(std::count(items.begin(), items.end(), "source s reconnecting") == 1);
}

TEST_CASE("Without reconnecting, a source whose hub died is closed", "[break]") {
  HubProcess hub;
  auto options = options_for(hub.socket());
  options.no_reconnect = true;
  auto source = open_source(options);
  hub.pause();
  CHECK(source.publish("t", "1"));
  hub.kill();
  CHECK(source.flush(kItemPatience).error().result == BUSD_LOST);
  CHECK(source.unconfirmed() == 1);
  CHECK(source.publish("t", "2").error().result == BUSD_CLOSED);
  CHECK(source.flush(kItemPatience).error().result == BUSD_CLOSED);
  CHECK(source.process().error().result == BUSD_CLOSED);
}

TEST_CASE("A source that may start hubs starts one when its own died", "[break]") {
  HubProcess hub;
  auto options = options_for(hub.socket());
  options.no_start = false;
  options.hub_program = busd_program();
  auto source = open_source(options);
  hub.kill();
  CHECK(message_of(source.publish("t", "1")) == "");
  CHECK(source.flush(kItemPatience));
  CHECK(query_status(hub.socket()).events.published == 1);
  CHECK(source.close());
  CHECK(busd::hub_stop({.socket = hub.socket()}, kItemPatience));
}

}  // namespace
}  // namespace bus::test
