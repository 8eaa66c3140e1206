// The SDK against hubs that no real one is: refusals, silence, nonsense, and answers put down to what they
// answer.
#include <chrono>
#include <future>
#include <string>
#include <sys/eventfd.h>
#include <vector>

#include "tests/integration/sdk_support.h"

namespace bus::test {
namespace {

using Script = ScriptedHub::Script;

busd::ConsumerOptions options_for(const ScriptedHub& hub, std::vector<std::string> types = {"t"}) {
  return {.key = "k", .event_types = std::move(types), .socket = hub.socket(), .no_start = true};
}

busd::Error refusal_of(const ScriptedHub& hub, std::vector<std::string> types = {"t"}) {
  auto consumer = busd::Consumer::open(options_for(hub, std::move(types)));
  REQUIRE_FALSE(consumer);
  return consumer.error();
}

Script says(const std::string& line) {
  return {[line](ScriptPeer& peer) {
    peer.line();
    peer.say(line);
    peer.wait_for_end();
  }};
}

TEST_CASE("A hub without the capability is refused by a client that wants patterns", "[refused]") {
  std::string ack = R"({"type":"hello_ack","bus_version":"v1","first_for_key":true})";
  {
    ScriptedHub hub(says(ack));
    auto error = refusal_of(hub, {"build.*"});
    CHECK(error.result == BUSD_PROTOCOL);
    CHECK(error.message.find("too old for patterns") != std::string::npos);
  }
  ScriptedHub hub(says(ack));
  CHECK(open_consumer(options_for(hub)).is_first());
}

TEST_CASE("Something that is no hub is a protocol error", "[refused]") {
  ScriptedHub hub(says("HTTP/1.1 400 Bad Request"));
  CHECK(refusal_of(hub).result == BUSD_PROTOCOL);
}

TEST_CASE("The hub's errors in place of hello_ack are told apart", "[refused]") {
  auto result_of = [](const std::string& code) {
    ScriptedHub hub(says(R"({"type":"error","code":")" + code + R"(","message":"because"})"));
    auto error = refusal_of(hub);
    CHECK(error.message.find("because") != std::string::npos);
    return error.result;
  };
  CHECK(result_of("denied") == BUSD_DENIED);
  CHECK(result_of("too_many") == BUSD_REJECTED);
  CHECK(result_of("busy") == BUSD_REJECTED);
  CHECK(result_of("bad_frame") == BUSD_PROTOCOL);
}

TEST_CASE("A hello without an answer ends with the time for it", "[refused]") {
  std::string after;
  ScriptedHub hub({[&after](ScriptPeer& peer) {
    peer.line();
    after = peer.line();
  }});
  auto options = options_for(hub);
  options.open_timeout = std::chrono::milliseconds(50);
  auto consumer = busd::Consumer::open(options);
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
  CHECK(consumer.error().message.find("did not answer hello") != std::string::npos);
  hub.finish();
  // So a hub that reads the hello later does not find a consumer that left without cleaning up.
  CHECK(after == R"({"type":"bye"})");
}

// What stops opening: readable once it was set.
class Cancel {
 public:
  Cancel() : fd_(::eventfd(0, EFD_CLOEXEC)) { REQUIRE(fd_); }
  int fd() const { return fd_.get(); }
  void set() const { BUSD_CHECK(::eventfd_write(fd_.get(), 1) == 0); }

 private:
  Fd fd_;
};

TEST_CASE("Opening that is cancelled before it begins connects to nothing", "[cancel]") {
  Cancel cancel;
  cancel.set();
  ScriptedHub hub(Script{});
  auto options = options_for(hub);
  options.cancel_fd = cancel.fd();
  auto consumer = busd::Consumer::open(options);
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
  CHECK(consumer.error().message == "cancelled before the hub had answered");
}

TEST_CASE("Opening that is cancelled while the hub's answer is on its way leaves as a consumer does",
          "[cancel]") {
  Cancel cancel;
  std::vector<std::string> said;
  ScriptedHub hub({[&](ScriptPeer& peer) {
    peer.line();
    cancel.set();
    peer.say(R"({"type":"hello_ack","bus_version":"v1","first_for_key":true})");
    said.push_back(peer.line());
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":true})");
    said.push_back(peer.line());
  }});
  std::string ran;
  auto options = options_for(hub);
  options.cancel_fd = cancel.fd();
  options.on_first = [&ran] {
    ran += "first ";
    return true;
  };
  options.on_last = [&ran] {
    ran += "last ";
    return true;
  };
  auto consumer = busd::Consumer::open(options);
  hub.finish();
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
  CHECK(ran == "last ");
  CHECK(said ==
        std::vector<std::string>{R"({"type":"pre_shutdown_check","event_key":"k"})", R"({"type":"bye"})"});
}

TEST_CASE("Opening that is cancelled without an answer to come takes the hello back, and cleans up nothing",
          "[cancel]") {
  Cancel cancel;
  std::string after;
  ScriptedHub hub({[&](ScriptPeer& peer) {
    peer.line();
    cancel.set();
    after = peer.line();
  }});
  bool ran = false;
  auto options = options_for(hub);
  options.cancel_fd = cancel.fd();
  options.on_last = [&ran] { return ran = true; };
  auto consumer = busd::Consumer::open(options);
  hub.finish();
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
  CHECK_FALSE(ran);
  CHECK(after == R"({"type":"bye"})");
}

TEST_CASE("A descriptor that cannot be waited for does not cancel, and is refused", "[cancel]") {
  ScriptedHub hub(Script{});
  auto options = options_for(hub);
  Fd file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  options.cancel_fd = file.get();
  auto consumer = busd::Consumer::open(options);
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_INVALID);
  CHECK(consumer.error().message.find("cancel_fd: epoll_ctl") == 0);
}

TEST_CASE("A consumer that is closed while it reconnects waits for the answer, and asks before it leaves",
          "[cancel]") {
  std::vector<std::string> said;
  ScriptedHub hub({[](ScriptPeer& peer) { peer.accept_hello(); },
                   [&said](ScriptPeer& peer) {
                     peer.line();
                     peer.say(R"({"type":"hello_ack","bus_version":"v1","first_for_key":false})");
                     said.push_back(peer.line());
                     peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
                     said.push_back(peer.line());
                   }});
  bool ran = false;
  auto options = options_for(hub);
  options.on_last = [&ran] { return ran = true; };
  auto consumer = open_consumer(options);
  CHECK(next_item(consumer) == "break");
  // Connects and says hello; whether the answer is there already makes no difference.
  (void)consumer.next(std::chrono::milliseconds(0));
  CHECK(consumer.close());
  hub.finish();
  CHECK_FALSE(ran);
  REQUIRE(said.size() == 2);
  CHECK(said[1] == R"({"type":"bye"})");
}

TEST_CASE("A hub that ends during hello is tried again", "[refused]") {
  ScriptedHub hub({[](ScriptPeer& peer) { peer.line(); },
                   [](ScriptPeer& peer) {
                     peer.accept_hello(true);
                     peer.wait_for_end();
                   }});
  CHECK(open_consumer(options_for(hub)).is_first());
}

TEST_CASE("A hub that is full for the moment is tried again on reconnecting", "[refused]") {
  ScriptedHub hub({[](ScriptPeer& peer) { peer.accept_hello(); },
                   [](ScriptPeer& peer) {
                     peer.line();
                     peer.say(R"({"type":"error","code":"too_many","message":"full"})");
                   },
                   [](ScriptPeer& peer) {
                     peer.accept_hello(true);
                     peer.wait_for_end();
                   }});
  auto consumer = open_consumer(options_for(hub));
  CHECK(next_item(consumer) == "break");
  CHECK(next_item(consumer) == "reset first");
}

TEST_CASE("Being denied on reconnecting is the end", "[refused]") {
  ScriptedHub hub({[](ScriptPeer& peer) { peer.accept_hello(); },
                   [](ScriptPeer& peer) {
                     peer.line();
                     peer.say(R"({"type":"error","code":"denied","message":"no more"})");
                   }});
  auto consumer = open_consumer(options_for(hub));
  CHECK(next_item(consumer) == "break");
  auto item = consumer.next(kItemPatience);
  REQUIRE_FALSE(item);
  CHECK(item.error().result == BUSD_DENIED);
  CHECK(item.error().message == "the hub at \"" + hub.socket() + "\" says: no more");
}

TEST_CASE("When the hub does not answer the check within 2 s, the consumer takes itself for the last",
          "[answers]") {
  std::string check;
  ScriptedHub hub({[&check](ScriptPeer& peer) {
    peer.accept_hello();
    check = peer.line();
    peer.wait_for_end();
  }});
  int cleaned = 0;
  auto options = options_for(hub);
  options.subscription_id = "k:1";
  options.on_last = [&cleaned] { return ++cleaned > 0; };
  auto consumer = open_consumer(std::move(options));
  TimePoint before = now();
  CHECK(consumer.close());
  CHECK(now() - before >= seconds(2));
  CHECK(cleaned == 1);
  hub.finish();
  CHECK(check == R"({"type":"pre_shutdown_check","event_key":"k","subscription_id":"k:1"})");
}

TEST_CASE("A clean-up whose lock was taken away before it began does not run", "[answers]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello();
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":true})");
  }});
  int cleaned = 0;
  auto options = options_for(hub);
  options.on_last = [&cleaned] { return ++cleaned > 0; };
  auto consumer = open_consumer(std::move(options));
  hub.finish();
  auto closed = consumer.close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().result == BUSD_CLOSED);
  CHECK(closed.error().message.find("the clean-up lock was taken away") == 0);
  CHECK(closed.error().message.find("was not run") != std::string::npos);
  CHECK(cleaned == 0);
}

TEST_CASE("A clean-up whose lock is taken away while it runs says so", "[answers]") {
  std::promise<void> running;
  ScriptedHub hub({[&running](ScriptPeer& peer) {
    peer.accept_hello();
    peer.line();
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":true})");
    running.get_future().wait_for(std::chrono::seconds(10));
  }});
  auto options = options_for(hub);
  options.on_last = [&hub, &running] {
    running.set_value();
    hub.finish();
    return true;
  };
  auto closed = open_consumer(std::move(options)).close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().result == BUSD_CLOSED);
  CHECK(closed.error().message.find("was taken away while") != std::string::npos);
}

TEST_CASE("A loop that waits as told gets the events that came together with the hub's answer", "[answers]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.line();
    peer.say(R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns"]})"
             "\n"
             R"({"type":"event","event_type":"t","seq":1,"payload":1})"
             "\n"
             R"({"type":"event","event_type":"t","seq":2,"payload":2})");
    peer.wait_for_end();
  }});
  auto consumer = open_consumer(options_for(hub));
  for (int n = 1; n <= 2; ++n) {
    // The descriptor is silent, since everything has been read.
    CHECK(consumer.deadline() == std::chrono::milliseconds(0));
    auto item = consumer.next(std::chrono::milliseconds(0));
    REQUIRE(item);
    CHECK(item->event().payload() == std::to_string(n));
  }
  CHECK(consumer.next(std::chrono::milliseconds(0)).error().result == BUSD_TIMED_OUT);
  CHECK_FALSE(consumer.deadline());
}

TEST_CASE("The check is answered behind events that nobody took, and bye is the last word", "[answers]") {
  std::string last_word;
  ScriptedHub hub({[&last_word](ScriptPeer& peer) {
    peer.accept_hello();
    peer.line();
    for (int n = 1; n <= 100; ++n) {
      peer.say(R"({"type":"event","event_type":"t","seq":)" + std::to_string(n) + R"(,"payload":1})");
    }
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":true})");
    last_word = peer.line();
  }});
  int cleaned = 0;
  auto options = options_for(hub);
  options.on_last = [&cleaned] { return ++cleaned > 0; };
  CHECK(open_consumer(std::move(options)).close());
  hub.finish();
  CHECK(cleaned == 1);
  CHECK(last_word == R"({"type":"bye"})");
}

TEST_CASE("A frame over the cap is dropped and reported, and the connection lives on", "[answers]") {
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello();
    peer.say(R"({"type":"event","event_type":"t","seq":1,"payload":")" + std::string(1'048'576, 'x') + "\"}");
    peer.say(R"({"type":"from_the_future"})");
    peer.say(R"({"type":"event","event_type":"t","seq":2,"payload":2})");
    peer.wait_for_end();
  }});
  auto consumer = open_consumer(options_for(hub));
  CHECK(next_item(consumer) == "lost 1");
  CHECK(next_item(consumer) == "event 2");
}

TEST_CASE("An error of the hub is put down to the publication that it answers", "[answers]") {
  std::vector<std::string> frames;
  ScriptedHub hub({[&frames](ScriptPeer& peer) {
    // 1 hello, 2 and 3 events, 4 status, 5 event, 6 check
    peer.accept_hello();
    for (int frame = 2; frame <= 6; ++frame) {
      frames.push_back(peer.line());
      if (frame == 3 || frame == 5) {
        peer.say(R"({"type":"error","code":"bad_frame","message":"I do not like it","frame":)" +
                 std::to_string(frame) + "}");
      }
      if (frame == 4) peer.say(R"({"type":"error","code":"not_allowed","message":"nor that","frame":4})");
    }
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
    frames.push_back(peer.line());
    peer.line();
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
    peer.line();  // bye
  }});
  auto source = open_source({.name = "s", .socket = hub.socket(), .no_start = true});
  CHECK(source.publish("t", "1").number() == 1);
  CHECK(source.publish("", "2").number() == 2);  // never leaves this process
  CHECK(source.publish("t", "3").number() == 3);
  CHECK(source.status(busd::SourceState::connected));
  CHECK(source.publish("t", "4").number() == 4);
  auto flushed = source.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().result == BUSD_REFUSED);
  CHECK(flushed.error().message.find("refused 3") != std::string::npos);

  auto refusal = source.next_refusal();
  REQUIRE(refusal);
  CHECK(refusal->publication == 3);
  CHECK(refusal->code == "bad_frame");
  CHECK(refusal->message == "I do not like it");
  refusal = source.next_refusal();
  REQUIRE(refusal);
  CHECK(refusal->publication == 0);
  CHECK(refusal->code == "not_allowed");
  refusal = source.next_refusal();
  REQUIRE(refusal);
  CHECK(refusal->publication == 4);
  CHECK_FALSE(source.next_refusal());

  // Said once: the next flush is about what was published since.
  CHECK(source.publish("t", "5"));
  CHECK(source.flush(kItemPatience));
  CHECK(source.close());
  hub.finish();
  REQUIRE(frames.size() == 6);
  CHECK(frames[0] == R"({"type":"event","event_type":"t","payload":1})");
  CHECK(frames[2] == R"({"type":"source_status","source":"s","state":"connected"})");
  CHECK(frames[4] == R"({"type":"pre_shutdown_check","event_key":""})");
}

TEST_CASE("Refusals beyond 1024 are counted, not kept", "[answers]") {
  constexpr int kEvents = 1100;
  ScriptedHub hub({[](ScriptPeer& peer) {
    peer.accept_hello();
    for (int n = 0; n < kEvents; ++n) {
      peer.line();
      peer.say(R"({"type":"error","code":"bad_frame","message":"no","frame":)" + std::to_string(n + 2) + "}");
    }
    peer.line();
    peer.say(R"({"type":"pre_shutdown_ack","last_for_key":false})");
    peer.line();  // bye
  }});
  auto source = open_source({.socket = hub.socket(), .no_start = true});
  for (int n = 0; n < kEvents; ++n) REQUIRE(source.publish("t", "1"));
  auto flushed = source.flush(kItemPatience);
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().message.find("refused 1100") != std::string::npos);
  std::uint64_t kept = 0;
  while (auto refusal = source.next_refusal()) REQUIRE(refusal->publication == ++kept);
  CHECK(kept == 1024);
}

}  // namespace
}  // namespace bus::test
