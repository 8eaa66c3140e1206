// Clients that nobody means well with, against the real daemon: silent and dribbling ones, ones that vanish
// in the middle of something, crowds, floods, and owners of a clean-up lock that do not let go.
//
// One of each kind stands in connection_test.cpp and conformance_test.cpp; the stopped consumer is in
// load_test.cpp.
#include <algorithm>
#include <atomic>
#include <linux/sockios.h>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "tests/integration/forked.h"
#include "tests/integration/golden.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;

namespace {

const std::string kLast = R"({"type":"pre_shutdown_ack","last_for_key":true})";
const std::string kNotLast = R"({"type":"pre_shutdown_ack","last_for_key":false})";

std::string check_of(const std::string& scope) {
  return R"({"type":"pre_shutdown_check","event_key":")" + scope + "\"}\n";
}

std::string event_of(const std::string& type, const std::string& payload) {
  return R"({"type":"event","event_type":")" + type + R"(","payload":)" + payload + "}\n";
}

std::string repeated(const std::string& text, size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

bool readable(const RawClient& client, Duration patience) {
  pollfd waiting{client.fd(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(to_ms(patience))) == 1;
}

void wait_for_waiters(const HubProcess& hub, size_t waiting) {
  hub.wait_for_status([&](const StatusResponse& status) {
    return status.cleanup_locks.size() == 1 && status.cleanup_locks[0].waiting == waiting;
  });
}

RawClient lock_holder(const HubProcess& hub, const std::string& scope) {
  RawClient holder(hub.socket());
  holder.hello(scope);
  holder.send(check_of(scope));
  holder.expect_line(kLast);
  return holder;
}

}  // namespace

// ---- deadlines: 5 s of real time, the hub's own

TEST_CASE(
    "Who says nothing, dribbles, stops half way, or leaves an answer unread is closed after 5 s; nobody else "
    "is",
    "[deadline]") {
  HubProcess hub;
  // A consumer whose socket is full, so that the answer that it asks for cannot be written.
  RawClient stuffed(hub.socket());
  stuffed.hello("stuffed", {"x"});
  // Long status responses, and members of the bus that are silent for good reason.
  std::vector<std::string> types;
  for (int i = 0; i < 256; ++i) types.push_back(std::string(240, 't') + std::to_string(i));
  std::vector<RawClient> quiet;
  for (int i = 0; i < 20; ++i) {
    quiet.emplace_back(hub.socket());
    quiet.back().hello("quiet", types);
  }
  size_t descriptors = open_descriptors(hub.pid());
  RawClient source(hub.socket());
  std::string filling = event_of("x", "\"" + std::string(100'000, 'p') + "\"");
  do {
    source.send(filling);
    source.round_trip();
  } while (hub.status().consumers.at(0).queued == 0);

  TimePoint start = now();
  stuffed.send(check_of("stuffed"));
  RawClient silent(hub.socket());
  RawClient half(hub.socket());
  half.send(hello_line("half").substr(0, 40));
  std::vector<RawClient> asking;
  for (int i = 0; i < 8; ++i) {
    asking.emplace_back(hub.socket());
    asking.back().send_line(R"({"type":"status_query"})");
  }
  RawClient dribbling(hub.socket());
  dribbling.send(R"({"type":"hello","event_key":")");
  while (!readable(dribbling, milliseconds(10))) {
    REQUIRE(now() - start < 2 * kPatience);
    dribbling.send("k");
  }

  for (RawClient* client : {&dribbling, &silent, &half}) {
    CHECK(client->read_as<ErrorMessage>().code == ErrorCode::timeout);
    client->expect_eof();
  }
  CHECK(now() - start >= milliseconds(4900));
  stuffed.expect_end();
  for (RawClient& client : asking) CHECK(client.expect_end().size() <= 1);
  StatusResponse status = hub.wait_for_status(
      [&](const StatusResponse&) { return open_descriptors(hub.pid()) <= descriptors + 2; });
  CHECK(status.connections.timed_out == 3);
  CHECK(status.connections.unread >= 1);
  CHECK(status.active_conns == 21);
  for (RawClient& client : quiet) CHECK(client.quiet());
  source.send(event_of(types[0], "1"));
  for (RawClient& client : quiet) CHECK(client.read_as<Event>().seq == 1);
}

// ---- clients that vanish

TEST_CASE("A source that dies with half a frame sent takes only that with it", "[vanish]") {
  HubProcess hub;
  std::vector<std::unique_ptr<Forked>> sources;
  for (int i = 0; i < 8; ++i) {
    sources.push_back(std::make_unique<Forked>([&](const Forked::Tell& tell) {
      RawClient source(hub.socket());
      source.send_line(R"({"type":"hello","pid":1,"role":"source","source":"s)" + std::to_string(i) + "\"}");
      source.read_as<HelloAck>();
      std::string frame = event_of("x", "\"" + std::string(i % 2 == 0 ? 100 : 400'000, 'p') + "\"");
      source.send(frame);
      source.round_trip();
      source.send(frame.substr(0, frame.size() / 2));
      tell("half");
      wait_for_the_end();
    }));
    CHECK(sources.back()->read_line() == "half");
  }
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  for (size_t i = 0; i < sources.size(); ++i) consumer.expect_line_with(R"("state":"connected")");
  for (auto& source : sources) source->kill();
  for (size_t i = 0; i < sources.size(); ++i) consumer.expect_line_with(R"("state":"disconnected")");
  StatusResponse status = hub.wait_for_status([](const StatusResponse& s) { return s.events.refused == 8; });
  CHECK(status.events.published == 8);
  RawClient next(hub.socket());
  next.send(event_of("x", "1"));
  consumer.expect_line(R"({"type":"event","event_type":"x","seq":1,"payload":1})");
  next.close();
  consumer.close();
  hub.expect_no_descriptor_leak();
}

TEST_CASE("A consumer that dies with its events half read, and half a frame sent, harms nobody", "[vanish]") {
  HubProcess hub({"--queue-frames", "10000"});
  std::vector<std::unique_ptr<Forked>> dying;
  for (int i = 0; i < 4; ++i) {
    dying.push_back(std::make_unique<Forked>([&](const Forked::Tell& tell) {
      RawClient consumer(hub.socket());
      consumer.hello("k", {"x"});
      tell("joined");
      // Some bytes out of the middle of the stream; the rest stays in the socket.
      char some[1000];
      pollfd waiting{consumer.fd(), POLLIN, 0};
      ::poll(&waiting, 1, 10'000);
      if (::read(consumer.fd(), some, sizeof some) != sizeof some) tell("too little came");
      consumer.send(R"({"type":"event","event_type":"x","payload":)");
      tell("half");
      wait_for_the_end();
    }));
    CHECK(dying.back()->read_line() == "joined");
  }
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  std::string filling = "\"" + std::string(10'000, 'p') + "\"";
  constexpr uint64_t kEvents = 300;
  for (uint64_t n = 1; n <= kEvents; ++n) {
    source.send(event_of("x", filling));
    if (n == kEvents / 2) {
      for (auto& each : dying) CHECK(each->read_line() == "half");
      for (auto& each : dying) each->kill();
    }
    CHECK(consumer.read_as<Event>().seq == n);
  }
  StatusResponse status =
      hub.wait_for_status([](const StatusResponse& s) { return s.consumers.size() == 1; });
  CHECK(status.consumers[0].dropped == 0);
  source.close();
  consumer.close();
  hub.expect_no_descriptor_leak();
}

TEST_CASE("Publishers that stop in the middle of a line hold up nobody, and are taken up where they stopped",
          "[vanish]") {
  HubProcess hub;
  std::vector<std::unique_ptr<Forked>> stopped;
  for (int i = 0; i < 10; ++i) {
    stopped.push_back(std::make_unique<Forked>([&](const Forked::Tell& tell) {
      RawClient source(hub.socket());
      std::string frame = event_of("x", "\"" + std::string(50'000, static_cast<char>('a' + i)) + "\"");
      size_t cut = static_cast<size_t>(i) * 5'000 + 1;
      source.send(frame.substr(0, cut));
      tell("half");
      ::raise(SIGSTOP);
      source.send(frame.substr(cut) + kBye + "\n");
      source.expect_eof();
    }));
    CHECK(stopped.back()->read_line() == "half");
    wait_for_state(stopped.back()->pid(), 'T');
  }
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  for (uint64_t n = 1; n <= 100; ++n) {
    source.send(event_of("x", "1"));
    CHECK(consumer.read_as<Event>().seq == n);
  }
  std::string letters;
  for (auto& each : stopped) each->resume();
  for (auto& each : stopped) {
    CHECK(each->reap() == 0);
    Event event = consumer.read_as<Event>();
    CHECK(event.payload == "\"" + std::string(50'000, event.payload.at(1)) + "\"");
    letters += event.payload[1];
  }
  std::sort(letters.begin(), letters.end());
  CHECK(letters == "abcdefghij");
}

// ---- crowds

TEST_CASE("4096 connections are served, one more is told so and harms none of them", "[crowd]") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  size_t most = 4096;
  constexpr size_t kOther = 100;  // what the test and the hub hold beside them
  if (limit.rlim_cur < most + kOther) {
    most = static_cast<size_t>(limit.rlim_cur) - kOther;
    WARN("with " << most << " connections only: no more files may be open here");
  }
  // A hub that may have 4096 by itself is not told so.
  HubProcess hub(most == 4096 ? std::vector<std::string>{}
                              : std::vector<std::string>{"--max-connections", std::to_string(most)});
  REQUIRE(hub.status().limits.max_connections == most);
  std::vector<RawClient> clients;
  clients.reserve(most);
  for (size_t i = 0; i < most; ++i) {
    clients.emplace_back(hub.socket());
    clients.back().send_line(hello_line("k" + std::to_string(i), {"x"}));
  }
  for (RawClient& client : clients) REQUIRE(client.read_line() == kFirst);
  for (int i = 0; i < 20; ++i) {
    RawClient refused(hub.socket());
    refused.send_line(hello_line("refused"));
    CHECK(refused.read_as<ErrorMessage>().code == ErrorCode::too_many);
    refused.expect_eof();
  }
  clients[most / 2].send(event_of("x", "1"));
  for (RawClient& client : clients)
    REQUIRE(client.read_line() == R"({"type":"event","event_type":"x","seq":1,"payload":1})");
  // As many go as come after them: a place is free when the hub has seen its owner go.
  for (size_t i = 0; i < 20; ++i) {
    clients[i].close();
    TimePoint deadline = now() + kPatience;
    for (bool admitted = false; !admitted;) {
      REQUIRE(now() < deadline);
      RawClient next(hub.socket());
      next.send_line(hello_line("k" + std::to_string(i), {"x"}));
      admitted = std::holds_alternative<HelloAck>(next.read_message());
      if (admitted) clients[i] = std::move(next);
    }
  }
  clients[0].send(event_of("x", "2"));
  for (size_t i = 0; i < most; ++i) REQUIRE(clients[i].read_as<Event>().seq == (i < 20 ? 1 : 2));
  clients.clear();
  hub.expect_no_descriptor_leak();
  CHECK(hub.status().connections.too_many >= 20);
}

TEST_CASE("A storm of connections that come and go leaves nothing behind", "[crowd]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("lasting", {"x"});
  constexpr size_t kRounds = 3000;
  std::vector<RawClient> open;
  size_t published = 0;
  for (size_t round = 0; round < kRounds; ++round) {
    RawClient client(hub.socket());
    std::string key = "k" + std::to_string(round % 40);
    switch (round % 9) {
      case 0:
        break;  // says nothing
      case 1:
        client.send(hello_line(key).substr(0, 30));
        break;
      case 2:  // answers unread
        client.send_line(hello_line(key, {"x"}));
        break;
      case 3:
        client.send(hello_line(key, {"*"}) + "\n" + check_of(key) + check_of("x") + "{\n");
        break;
      case 4:
        client.send(event_of("x", "1") + R"({"type":"event","event_ty)");
        ++published;
        break;
      case 5:
        client.send_line(R"({"type":"status_query"})");
        break;
      case 6:
        client.send_line(hello_line(key, {}, R"("exclusive":true)"));
        client.shutdown_write();
        break;
      case 7:
        client.send_line(R"({"type":"hello","pid":1,"role":"source","source":")" + key + "\"}");
        break;
      default:
        client.shutdown_write();
        break;
    }
    // Some stay for a while, so that those that go are of all ages.
    if (round % 2 == 0) open.push_back(std::move(client));
    if (open.size() > 30) open.erase(open.begin() + static_cast<long>(round % open.size()));
  }
  open.clear();
  StatusResponse status = hub.wait_for_status([&](const StatusResponse& s) {
    return s.active_conns == 1 && s.events.published == published && s.connections.accepted > kRounds;
  });
  CHECK(status.consumers.size() == 1);
  CHECK(status.cleanup_locks.empty());
  consumer.send_line(kBye);
  auto lines = consumer.expect_end();
  auto is_event = [](const std::string& line) { return line.starts_with(R"({"type":"event",)"); };
  CHECK(static_cast<size_t>(std::count_if(lines.begin(), lines.end(), is_event)) == published);
  consumer.close();
  hub.expect_no_descriptor_leak();
}

// ---- floods

namespace {

// Sends numbered frames as fast as the hub takes them, as far as it may.
class Flood {
 public:
  static constexpr size_t kFrameBytes = 1000;

  explicit Flood(const HubProcess& hub, int number)
      : type_("flood" + std::to_string(number)), client_(hub.socket()), thread_([this] { run(); }) {
    // So that many reads of the hub wait in the socket; without root, as much as the machine allows.
    int bytes = 2 * 1024 * 1024;
    if (::setsockopt(client_.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
      ::setsockopt(client_.fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  ~Flood() {
    over_ = true;
    allow(SIZE_MAX);
    thread_.join();
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  const std::string& type() const { return type_; }
  // With the hub stopped: fills the socket, and lets the flood go on for `more` bytes once the hub takes
  // them. Answers how much the hub has read at most.
  size_t fill(size_t more) {
    blocked_ = false;
    allow(SIZE_MAX);
    TimePoint deadline = now() + kPatience;
    while (!blocked_ && now() < deadline) std::this_thread::yield();
    if (!blocked_) FAIL("the flood goes on although the hub is stopped");
    allow(sent_ + more);
    // What is unread, as the kernel counts it, with what it needs around it; that is much less than half of
    // it.
    int unread = 0;
    REQUIRE(::ioctl(client_.fd(), SIOCOUTQ, &unread) == 0);
    return sent_ - static_cast<size_t>(unread) / 2;
  }

 private:
  void allow(size_t bytes) {
    limit_ = bytes;
    limit_.notify_all();
  }
  std::string frame(size_t n) const {
    std::string text =
        R"({"type":"event","event_type":")" + type_ + R"(","payload":")" + std::to_string(n) + " ";
    return text + std::string(kFrameBytes - text.size() - 3, 'p') + "\"}\n";
  }
  void run() {
    std::string unsent;
    for (size_t n = 0; !over_;) {
      size_t limit = limit_;
      if (sent_ >= limit) {
        limit_.wait(limit);
        continue;
      }
      while (unsent.size() < 64 * kFrameBytes) unsent += frame(n++);
      size_t taken = client_.send_some(unsent);
      sent_ += taken;
      unsent.erase(0, taken);
      blocked_ = taken == 0;
      pollfd room{client_.fd(), POLLOUT, 0};
      if (taken == 0) ::poll(&room, 1, 10);
    }
  }

  std::string type_;
  RawClient client_;
  std::atomic<bool> over_ = false;
  std::atomic<bool> blocked_ = false;
  std::atomic<size_t> sent_ = 0;
  std::atomic<size_t> limit_ = 0;
  std::thread thread_;
};

size_t number_in(const std::string& line) {
  size_t at = line.find(R"("payload":")");
  return at == std::string::npos ? 0 : std::stoull(line.substr(at + 11, 20));
}

}  // namespace

TEST_CASE("A single event passes a flood within a few reads of it, time after time", "[flood]") {
  // What the hub reads of one source before it looks at the next; and it may be in the middle of a turn.
  constexpr size_t kChunkBytes = 256 * 1024;
  constexpr size_t kChunks = 3;
  HubProcess hub({"--queue-frames", "1000000", "--queue-bytes", "256MiB"});
  RawClient consumer(hub.socket());
  consumer.hello("k", {"*"});
  RawClient calm(hub.socket());
  std::vector<std::unique_ptr<Flood>> floods;
  for (int i = 0; i < 2; ++i) floods.push_back(std::make_unique<Flood>(hub, i));
  for (int round = 0; round < 10; ++round) {
    hub.pause();
    std::vector<size_t> read;
    for (auto& flood : floods) read.push_back(flood->fill(kChunks * kChunkBytes));
    calm.send(event_of("calm", "1"));
    hub.resume();
    std::vector<size_t> before(floods.size());
    for (std::string line = consumer.read_line(); line.find(R"("event_type":"calm")") == std::string::npos;
         line = consumer.read_line()) {
      for (size_t i = 0; i < floods.size(); ++i) {
        if (line.find(floods[i]->type()) != std::string::npos)
          before[i] = (number_in(line) + 1) * Flood::kFrameBytes;
      }
    }
    for (size_t i = 0; i < floods.size(); ++i) CHECK(before[i] <= read[i] + kChunks * kChunkBytes);
  }
  floods.clear();
  CHECK(hub.status().consumers.at(0).dropped == 0);
}

// ---- clean-up locks

TEST_CASE("The holder of a clean-up lock may be killed or stopped: those who wait get on", "[locks]") {
  bool stopped = GENERATE(false, true);
  CAPTURE(stopped);
  HubProcess hub({"--cleanup-timeout", stopped ? "300ms" : "60s"});
  Forked holder([&](const Forked::Tell& tell) {
    RawClient client = lock_holder(hub, "k");
    tell("holds");
    client.expect_end();
    tell("closed");
  });
  CHECK(holder.read_line() == "holds");
  if (stopped) holder.pause();
  std::vector<RawClient> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back(hub.socket());
    waiters.back().send_line(hello_line("k"));
  }
  if (!stopped) {
    wait_for_waiters(hub, 3);
    holder.kill();
  }
  waiters[0].expect_line(kFirst);
  waiters[1].expect_line(kNotFirst);
  waiters[2].expect_line(kNotFirst);
  StatusResponse status = hub.status();
  CHECK(status.connections.cleanup_timeouts == (stopped ? 1 : 0));
  CHECK(status.cleanup_locks.empty());
  if (!stopped) return;
  holder.resume();
  CHECK(holder.read_line() == "closed");
  CHECK(holder.reap() == 0);
  CHECK(hub.status().consumers.size() == 3);
}

TEST_CASE("Nobody gets the clean-up lock of a scope that is not his, however often he asks", "[locks]") {
  HubProcess hub;
  RawClient one(hub.socket());
  one.hello("one");
  RawClient two(hub.socket());
  two.hello("two", {}, R"("subscription_id":"id")");
  RawClient source(hub.socket());
  source.send_line(R"({"type":"hello","pid":1,"role":"source","source":"one"})");
  source.read_as<HelloAck>();
  for (RawClient* client : {&one, &two}) client->expect_line_with("source_status");
  RawClient anonymous = publisher(hub);
  RawClient* asking[] = {&one, &source, &anonymous};
  // "two" is the key of one who is in the scope "id".
  for (const std::string& scope :
       {std::string("id"), std::string("two"), std::string("nobody's"), std::string(255, 's')}) {
    for (RawClient* client : asking) {
      client->send(repeated(check_of(scope), 300));
      for (int i = 0; i < 300; ++i) REQUIRE(client->read_line() == kNotLast);
    }
  }
  // "one" is the name of a source, too; it is in no scope.
  for (RawClient* client : {&source, &anonymous, &two}) {
    client->send(check_of("one"));
    client->expect_line(kNotLast);
  }
  // To name none is to ask about one's own, and these have none.
  for (RawClient* client : {&source, &anonymous}) {
    client->send(repeated(check_of(""), 300));
    for (int i = 0; i < 300; ++i) REQUIRE(client->read_line() == kNotLast);
  }
  two.send(check_of("two"));
  two.expect_line(kNotLast);
  CHECK(hub.status().cleanup_locks.empty());
  two.send_line(R"({"type":"pre_shutdown_check","event_key":"","subscription_id":"id"})");
  two.expect_line(kLast);
  one.send(check_of("id") + check_of("one"));
  one.expect_line(kNotLast);
  one.expect_line(kLast);
  CHECK(hub.status().cleanup_locks.size() == 2);
}

TEST_CASE("Waiters that leave are forgotten with all that they sent, and their places are free", "[locks]") {
  HubProcess hub;
  RawClient holder = lock_holder(hub, "k");
  for (int round = 0; round < 3; ++round) {
    std::vector<RawClient> waiters;
    for (size_t i = 0; i < 64; ++i) {
      waiters.emplace_back(hub.socket());
      waiters.back().send(hello_line("k", {"x"}) + "\n" + repeated(event_of("x", "1"), 20) + check_of("k"));
      if (i % 3 == 0) waiters.back().shutdown_write();
    }
    wait_for_waiters(hub, 64);
    RawClient refused(hub.socket());
    refused.send_line(hello_line("k"));
    CHECK(refused.read_as<HelloAck>().rejected);
    refused.expect_eof();
    waiters.clear();
    wait_for_waiters(hub, 0);
  }
  RawClient waiter(hub.socket());
  waiter.send_line(hello_line("k", {"x"}));
  wait_for_waiters(hub, 1);
  holder.close();
  waiter.expect_line(kFirst);
  waiter.round_trip();
  CHECK(waiter.quiet());
  CHECK(hub.status().events.published == 0);
}

TEST_CASE("A waiter's flood waits with him, outside of the hub", "[locks]") {
  HubProcess hub;
  RawClient holder = lock_holder(hub, "k");
  RawClient waiter(hub.socket());
  waiter.send_line(hello_line("k"));
  wait_for_waiters(hub, 1);
  std::string flood = repeated(event_of("x", "\"" + std::string(1000, 'p') + "\""), 1000);
  size_t taken = 0;
  for (size_t now_taken = 1; now_taken > 0; taken += now_taken) {
    now_taken = waiter.send_some(std::string_view(flood).substr(taken % flood.size()));
    // The hub has had its turn, and has taken nothing.
    holder.round_trip();
  }
  CHECK(taken < 8 * flood.size());
  CHECK(hub.status().events.published == 0);
  holder.close();
  waiter.expect_line(kFirst);
  waiter.send(std::string_view(flood).substr(taken % flood.size()));
  waiter.round_trip();
  CHECK(hub.status().events.published == 1000 * (taken / flood.size() + 1));
}
