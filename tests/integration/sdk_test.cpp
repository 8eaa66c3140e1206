// Consumers of the SDK against the real hub: events, losses, set-up and clean-up.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {
namespace {

// --- events ---

TEST_CASE("A consumer gets the events of its types with all that they carry", "[consumer]") {
  HubProcess hub;
  auto consumer = open_consumer(consumer_options(hub.socket(), "k", {"a", "build.*"}));
  auto source = source_for(hub.socket());
  CHECK(source.publish({.event_type = "other", .payload = "0"}));
  CHECK(source.publish({.event_type = "a",
                        .payload = R"({"x":1.10,"x":18446744073709551616})",
                        .event_id = "e-\"1\"",
                        .source_time = "1700000000000",
                        .members = R"("traceparent":"00-1","n":[1])"}));
  CHECK(source.publish("build.done"));
  REQUIRE(source.flush(kItemPatience));

  auto item = consumer.next(kItemPatience);
  REQUIRE(item);
  REQUIRE(item->is_event());
  busd::Event event = item->event();
  CHECK(event.type() == "a");
  CHECK(event.id() == "e-\"1\"");
  CHECK(event.source_time() == "1700000000000");
  CHECK(event.seq() == 1);
  CHECK(event.payload() == R"({"x":1.10,"x":18446744073709551616})");
  CHECK(event.member("traceparent") == "\"00-1\"");
  CHECK(event.member("n") == "[1]");
  CHECK_FALSE(event.member("absent"));
  CHECK(event.frame() ==
        R"({"type":"event","event_type":"a","event_id":"e-\"1\"","source_time":"1700000000000","seq":1,)"
        R"("traceparent":"00-1","n":[1],"payload":{"x":1.10,"x":18446744073709551616}})");

  item = consumer.next(kItemPatience);
  REQUIRE(item);
  CHECK(item->event().type() == "build.done");
  CHECK(item->event().id().empty());
  CHECK(item->event().payload() == "null");
  CHECK(item->event().seq() == 2);

  auto none = consumer.next(std::chrono::milliseconds(0));
  REQUIRE_FALSE(none);
  CHECK(none.error().result == BUSD_TIMED_OUT);
  none = consumer.next(std::chrono::milliseconds(20));
  REQUIRE_FALSE(none);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
}

TEST_CASE("Source states are items, for those who join later too", "[consumer]") {
  HubProcess hub;
  auto early = open_consumer(consumer_options(hub.socket(), "early"));
  auto source = open_source({.name = "clock", .socket = hub.socket(), .no_start = true});
  CHECK(next_item(early) == "source clock connected");
  REQUIRE(source.status(busd::SourceState::reconnecting, "attempt 2"));
  auto item = early.next(kItemPatience);
  REQUIRE(item);
  REQUIRE(item->is_source_status());
  CHECK(item->source_status().state == busd::SourceState::reconnecting);
  CHECK(item->source_status().detail == "attempt 2");
  auto late = open_consumer(consumer_options(hub.socket(), "late"));
  CHECK(next_item(late) == "source clock reconnecting");
  REQUIRE(source.close());
  CHECK(next_item(early) == "source clock disconnected");
}

TEST_CASE("What a slow consumer lost is an item that says how much and where", "[consumer]") {
  HubProcess hub({"--queue-frames", "16"});
  auto consumer = open_consumer(consumer_options(hub.socket(), "k"));
  auto source = source_for(hub.socket());
  constexpr uint64_t kEvents = 5000;
  std::string filling = ",\"x\":\"" + std::string(1000, 'x') + "\"}";
  for (uint64_t n = 1; n <= kEvents; ++n)
    REQUIRE(source.publish("t", "{\"n\":" + std::to_string(n) + filling));
  REQUIRE(source.flush(kItemPatience));

  uint64_t seen = 0;
  uint64_t lost = 0;
  uint64_t seq = 0;
  while (seq < kEvents) {
    auto item = consumer.next(kItemPatience);
    REQUIRE(item);
    if (item->is_lost()) {
      lost += item->lost().count;
      CHECK(item->lost().after == seq);
      CHECK(item->lost().before == seq + item->lost().count + 1);
      seq += item->lost().count;
      continue;
    }
    REQUIRE(item->is_event());
    ++seen;
    ++seq;
    REQUIRE(item->event().seq() == seq);
    REQUIRE(item->event().payload().substr(0, 6 + std::to_string(seq).size()) ==
            "{\"n\":" + std::to_string(seq) + ",");
  }
  CHECK(lost > 0);
  CHECK(seen + lost == kEvents);
  auto status = hub.status();
  REQUIRE(status.consumers.size() == 1);
  CHECK(status.consumers[0].dropped == lost);
}

// --- hooks ---

TEST_CASE("Set-up belongs to the first consumer of a key, clean-up to the last, whoever that is", "[hooks]") {
  HubProcess hub;
  std::vector<std::string> ran;
  auto open_named = [&](const std::string& name) {
    auto options = consumer_options(hub.socket(), "k");
    options.on_first = [&ran, name] { return ran.push_back(name + " first"), true; };
    options.on_last = [&ran, name] { return ran.push_back(name + " last"), true; };
    return open_consumer(std::move(options));
  };
  auto a = open_named("a");
  auto b = open_named("b");
  CHECK(a.is_first());
  CHECK_FALSE(b.is_first());
  CHECK(a.close());
  auto c = open_named("c");
  CHECK(b.close());
  CHECK(ran == std::vector<std::string>{"a first"});
  CHECK(c.close());
  CHECK(ran == std::vector<std::string>{"a first", "c last"});
  auto d = open_named("d");
  d.abandon();
  CHECK(ran == std::vector<std::string>{"a first", "c last", "d first"});
}

TEST_CASE("A subscription id is the scope in place of the key", "[hooks]") {
  HubProcess hub;
  auto options = consumer_options(hub.socket(), "k");
  auto plain = open_consumer(options);
  options.subscription_id = "k:1";
  auto one = open_consumer(options);
  auto again = open_consumer(options);
  options.subscription_id = "k:2";
  auto two = open_consumer(options);
  CHECK(plain.is_first());
  CHECK(one.is_first());
  CHECK_FALSE(again.is_first());
  CHECK(two.is_first());
}

TEST_CASE("The destructor of a consumer leaves with clean-up", "[hooks]") {
  HubProcess hub;
  int cleaned = 0;
  {
    auto options = consumer_options(hub.socket(), "k");
    options.on_last = [&cleaned] { return ++cleaned > 0; };
    auto consumer = open_consumer(std::move(options));
    auto moved = std::move(consumer);
  }
  CHECK(cleaned == 1);
}

TEST_CASE("A set-up that fails or throws ends the opening, with clean-up", "[hooks]") {
  HubProcess hub;
  for (bool throws : {false, true}) {
    int cleaned = 0;
    auto options = consumer_options(hub.socket(), "k");
    options.on_first = [throws]() -> bool {
      if (throws) throw 1;
      return false;
    };
    options.on_last = [&cleaned] { return ++cleaned > 0; };
    auto consumer = busd::Consumer::open(std::move(options));
    REQUIRE_FALSE(consumer);
    CHECK(consumer.error().result == BUSD_REJECTED);
    CHECK(consumer.error().message == "the set-up for the first consumer (on_first) failed");
    CHECK(cleaned == 1);
  }
}

TEST_CASE("A clean-up that fails shows in close", "[hooks]") {
  HubProcess hub;
  auto options = consumer_options(hub.socket(), "k");
  options.on_last = [] { return false; };
  auto closed = open_consumer(std::move(options)).close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().result == BUSD_REJECTED);
}

TEST_CASE("Whoever says hello during a clean-up waits for its end and is then first", "[hooks]") {
  HubProcess hub;
  std::thread newcomer;
  std::atomic<bool> second_first{false};
  std::atomic<bool> cleaning{false};
  std::atomic<bool> overlapped{false};
  auto options = consumer_options(hub.socket(), "k");
  options.on_last = [&] {
    cleaning = true;
    newcomer = std::thread([&] {
      auto second = busd::Consumer::open(consumer_options(hub.socket(), "k"));
      overlapped = cleaning.load();
      second_first = second && second->is_first();
    });
    hub.wait_for_status([](const StatusResponse& status) {
      return status.cleanup_locks.size() == 1 && status.cleanup_locks[0].waiting == 1;
    });
    cleaning = false;
    return true;
  };
  auto first = open_consumer(std::move(options));
  CHECK(first.close());
  newcomer.join();
  CHECK(second_first);
  CHECK_FALSE(overlapped);
}

TEST_CASE("Clean-up runs when the hub is gone, and does not when the consumer is abandoned", "[hooks]") {
  for (bool abandon : {false, true}) {
    HubProcess hub;
    int cleaned = 0;
    auto options = consumer_options(hub.socket(), "k");
    options.on_last = [&cleaned] { return ++cleaned > 0; };
    auto consumer = open_consumer(std::move(options));
    hub.kill();
    if (abandon) {
      consumer.abandon();
    } else {
      CHECK(consumer.close());
    }
    CHECK(cleaned == (abandon ? 0 : 1));
  }
}

TEST_CASE("An exclusive consumer is alone, and the reason names who it is", "[hooks]") {
  HubProcess hub;
  auto options = consumer_options(hub.socket(), "board");
  options.exclusive = true;
  auto holder = open_consumer(options);
  for (bool exclusive : {true, false}) {
    options.exclusive = exclusive;
    auto refused = busd::Consumer::open(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().result == BUSD_REJECTED);
    CHECK(refused.error().message.find("scope board is held exclusively by pid " +
                                       std::to_string(::getpid())) != std::string::npos);
  }
  CHECK(holder.close());
  CHECK(busd::Consumer::open(options));
}

TEST_CASE("Of 200 hellos at once on one key, one is first", "[hooks]") {
  HubProcess hub;
  std::atomic<int> firsts{0};
  std::atomic<int> connected{0};
  std::atomic<bool> leave{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 200; ++i) {
    threads.emplace_back([&] {
      auto consumer = busd::Consumer::open(consumer_options(hub.socket(), "k"));
      if (consumer && consumer->is_first()) ++firsts;
      ++connected;
      while (!leave) std::this_thread::yield();
      if (consumer) consumer->abandon();
    });
  }
  TimePoint give_up = now() + seconds(30);
  while (connected < 200 && now() < give_up) std::this_thread::yield();
  size_t consumers = hub.status().consumers.size();
  leave = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(firsts == 1);
  CHECK(consumers == 200);
}

}  // namespace
}  // namespace bus::test
