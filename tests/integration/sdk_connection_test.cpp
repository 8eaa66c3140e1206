// Consumers of the SDK and their connection: waking, hosting in a loop, and the hub that dies and comes back.
#include <csignal>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

namespace bus::test {
namespace {

// --- waking and hosting ---

busd::Consumer* woken_by_signal = nullptr;

TEST_CASE("A signal handler ends a wait", "[waiting]") {
  HubProcess hub;
  auto consumer = open_consumer(consumer_options(hub.socket(), "k"));
  woken_by_signal = &consumer;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { woken_by_signal->wake(); };
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  std::thread sender([] { ::kill(::getpid(), SIGUSR1); });
  auto item = consumer.next(busd::forever);
  sender.join();
  REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_TIMED_OUT);
  CHECK(item.error().message == "woken");
  // One wake ends one wait: the next one goes on until something comes.
  auto source = source_for(hub.socket());
  publish(source, "t", "1");
  CHECK(next_item(consumer) == "event 1");
}

TEST_CASE("Hosted by a loop, everything is done by descriptor and deadline, through a restart of the hub",
          "[waiting]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto consumer = open_consumer(consumer_options(hub->socket(), "k"));
  int fd = consumer.fd();
  std::vector<std::string> seen;
  auto turn_until = [&](const std::string& wanted) {
    TimePoint give_up = now() + seconds(10);
    while (now() < give_up) {
      for (;;) {
        auto item = consumer.next(std::chrono::milliseconds(0));
        if (!item) {
          REQUIRE(item.error().result == BUSD_TIMED_OUT);
          break;
        }
        seen.push_back(describe(*item));
      }
      if (!seen.empty() && seen.back() == wanted) return;
      auto deadline = consumer.deadline();
      pollfd waiting{consumer.fd(), consumer.events(), 0};
      ::poll(&waiting, 1, deadline ? static_cast<int>(deadline->count()) : 1000);
    }
    FAIL("not seen: " << wanted);
  };
  CHECK_FALSE(consumer.deadline());
  {
    auto source = source_for(hub->socket());
    publish(source, "t", "1");
  }
  turn_until("event 1");
  hub->kill();
  turn_until("break");
  hub.reset();
  CHECK(consumer.deadline());
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  turn_until("reset first");
  {
    auto source = source_for(hub->socket());
    publish(source, "t", "2");
  }
  turn_until("event 2");
  CHECK(consumer.fd() == fd);
  CHECK(seen == std::vector<std::string>{"event 1", "break", "reset first", "event 2"});
}

// --- reconnecting ---

TEST_CASE("The death of the hub is a break, its return a reset, and set-up runs again", "[reconnect]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  int set_up = 0;
  int cleaned = 0;
  auto options = consumer_options(hub->socket(), "k");
  options.on_first = [&set_up] { return ++set_up > 0; };
  options.on_last = [&cleaned] { return ++cleaned > 0; };
  auto consumer = open_consumer(std::move(options));
  {
    auto source = source_for(hub->socket());
    publish(source, "t", "1");
  }
  hub->kill();
  // What came before the end is still handed out.
  CHECK(next_item(consumer) == "event 1");
  auto broke = consumer.next(kItemPatience);
  REQUIRE(broke);
  CHECK(broke->is_break());
  CHECK(!broke->detail().empty());
  CHECK(set_up == 1);
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  CHECK(next_item(consumer) == "reset first");
  CHECK(set_up == 2);
  {
    auto source = source_for(hub->socket());
    publish(source, "t", "2");
  }
  auto event = consumer.next(kItemPatience);
  REQUIRE(event);
  CHECK(describe(*event) == "event 2");
  CHECK(event->event().seq() == 1);
  CHECK(consumer.close());
  CHECK(cleaned == 1);
}

TEST_CASE("A hub that stops in good order is a break too, never a normal end", "[reconnect]") {
  HubProcess hub;
  auto consumer = open_consumer(consumer_options(hub.socket(), "k"));
  hub.stop();
  CHECK(next_item(consumer) == "break");
  auto item = consumer.next(std::chrono::milliseconds(30));
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_TIMED_OUT);
}

TEST_CASE("Without reconnecting, the death of the hub closes the consumer for good", "[reconnect]") {
  HubProcess hub;
  auto options = consumer_options(hub.socket(), "k");
  options.no_reconnect = true;
  auto consumer = open_consumer(std::move(options));
  hub.kill();
  for (int i = 0; i < 2; ++i) {
    auto item = consumer.next(kItemPatience);
    REQUIRE_FALSE(item);
    CHECK(item.error().result == BUSD_CLOSED);
    CHECK(!item.error().message.empty());
  }
}

TEST_CASE("A consumer that may start hubs starts one when its own died", "[reconnect]") {
  HubProcess hub;
  auto options = consumer_options(hub.socket(), "k");
  options.no_start = false;
  options.hub_program = busd_program();
  auto consumer = open_consumer(std::move(options));
  hub.kill();
  CHECK(next_item(consumer) == "break");
  CHECK(next_item(consumer) == "reset first");
  auto facts = busd::hub_inspect({.socket = hub.socket()});
  REQUIRE(facts);
  CHECK(facts->lock_held);
  CHECK(facts->lock_pid != hub.pid());
  consumer.abandon();
  CHECK(busd::hub_stop({.socket = hub.socket()}, kItemPatience));
}

TEST_CASE("Being refused on reconnecting is the end, and whoever has the scope keeps it", "[reconnect]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  int cleaned = 0;
  auto options = consumer_options(hub->socket(), "k");
  options.on_last = [&cleaned] { return ++cleaned > 0; };
  auto consumer = open_consumer(options);
  hub->kill();
  CHECK(next_item(consumer) == "break");
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  options.exclusive = true;
  options.on_last = nullptr;
  auto rival = open_consumer(options);
  auto item = consumer.next(kItemPatience);
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_REJECTED);
  CHECK(item.error().message.find("held exclusively") != std::string::npos);
  CHECK(consumer.close());
  CHECK(cleaned == 0);
}

TEST_CASE("A set-up that fails after a reconnection ends the consumer", "[reconnect]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  int set_up = 0;
  int cleaned = 0;
  auto options = consumer_options(hub->socket(), "k");
  options.on_first = [&set_up] { return ++set_up == 1; };
  options.on_last = [&cleaned] { return ++cleaned > 0; };
  auto consumer = open_consumer(std::move(options));
  hub->kill();
  CHECK(next_item(consumer) == "break");
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  for (int i = 0; i < 2; ++i) {
    auto item = consumer.next(kItemPatience);
    REQUIRE_FALSE(item);
    CHECK(item.error().result == BUSD_REJECTED);
  }
  CHECK(consumer.close());
  CHECK(cleaned == 1);
}

// --- the socket itself ---

busd_connection_options raw_options(const std::string& socket) {
  auto options = BUSD_INIT(busd_connection_options);
  options.socket = {socket.data(), socket.size()};
  options.no_start = 1;
  return options;
}

TEST_CASE("A socket is handed out after the hub's answer, and nothing behind it was read", "[waiting]") {
  HubProcess hub;
  auto options = raw_options(hub.socket());
  options.source = {"weather", 7};
  busd_text types[] = {{"weather.*", 9}, {"alarm", 5}};
  options.publish_types = types;
  options.publish_type_count = 2;
  int fd = -1;
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_socket_open(&options, &fd, &error);
  INFO(error.message);
  REQUIRE(result == BUSD_OK);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  RawClient client{Fd(fd)};
  client.expect_line(R"({"type":"interest","event_type":"weather.*","consumers":0})");
  client.expect_line(R"({"type":"interest","event_type":"alarm","consumers":0})");
  auto consumer = open_consumer(consumer_options(hub.socket(), "k", {"alarm"}));
  client.expect_line(R"({"type":"interest","event_type":"alarm","consumers":1})");
  client.send_line(R"({"type":"event","event_type":"alarm","payload":1})");
  CHECK(next_item(consumer) == "source weather connected");
  CHECK(next_item(consumer) == "event 1");
}

TEST_CASE("A socket is not handed out where there is no hub, or it refuses", "[waiting]") {
  auto error = BUSD_INIT(busd_error);
  int fd = 7;
  SECTION("no hub") {
    TempDir directory;
    std::string socket = directory.file("bus.sock");
    auto options = raw_options(socket);
    CHECK(busd_socket_open(&options, &fd, &error) == BUSD_UNREACHABLE);
  }
  SECTION("it refuses") {
    HubProcess hub;
    auto holder = consumer_options(hub.socket(), "k");
    holder.exclusive = true;
    auto consumer = open_consumer(holder);
    auto options = raw_options(hub.socket());
    options.key = {"k", 1};
    CHECK(busd_socket_open(&options, &fd, &error) == BUSD_REJECTED);
    CHECK(std::string(error.message) != "");
  }
  SECTION("it is no hub") {
    ScriptedHub hub({[](ScriptPeer& peer) {
      peer.line();
      peer.say("220 mail.example.org ESMTP");
    }});
    std::string socket = hub.socket();
    auto options = raw_options(socket);
    CHECK(busd_socket_open(&options, &fd, &error) == BUSD_PROTOCOL);
    hub.finish();
  }
  SECTION("hooks, which nobody would run") {
    std::string socket = "/x";
    auto options = raw_options(socket);
    options.key = {"k", 1};
    options.on_last = [](void*) { return 0; };
    CHECK(busd_socket_open(&options, &fd, &error) == BUSD_INVALID);
  }
  CHECK(fd == -1);
}

TEST_CASE("An answer of the hub that comes in pieces is read to its end, and no further", "[waiting]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.line();
    std::string ack = R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["x)";
    // Longer than what is looked at in one go.
    for (int i = 0; i < 15; ++i) ack += std::string(200, 'x') + R"(","x)";
    peer.say(ack + R"("]})" + "\n" + R"({"type":"interest","event_type":"a","consumers":0})");
  }});
  std::string socket = hub.socket();
  auto options = raw_options(socket);
  int fd = -1;
  auto error = BUSD_INIT(busd_error);
  REQUIRE(busd_socket_open(&options, &fd, &error) == BUSD_OK);
  RawClient client{Fd(fd)};
  client.expect_line(R"({"type":"interest","event_type":"a","consumers":0})");
  hub.finish();
}

TEST_CASE("What waits to be sent is known, so that a loop need not wait", "[waiting]") {
  HubProcess hub;
  auto connection = open_connection(connection_options(hub.socket(), "k"));
  CHECK(connection.unsent() == 0);
  hub.pause();
  std::string payload = "\"" + std::string(10'000, 'x') + "\"";
  // The default of buffer_bytes is 256 KiB: the socket takes some, and the rest waits here, without a wait.
  while (connection.unsent() < 200'000) REQUIRE(connection.publish("other", payload));
  CHECK(connection.unsent() < 220'000);
  hub.resume();
  REQUIRE(connection.flush(kItemPatience));
  CHECK(connection.unsent() == 0);
}

}  // namespace
}  // namespace bus::test
