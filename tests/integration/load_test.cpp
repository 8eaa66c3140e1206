// The hub under load: a consumer that is stopped for ten seconds, a crowd of hellos, bursts from several
// sources at once.
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/unix_socket.h"
#include "tests/integration/forked.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/messages.h"
#include "tests/support/raw_client.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;

namespace {

size_t resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") {
      size_t kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

// Counts what arrives on a consumer's connection: last seq, gaps. Reads without blocking.
struct Tally {
  RawClient client;
  std::string rest;
  uint64_t last = 0;
  uint64_t events = 0;
  uint64_t lost = 0;

  explicit Tally(const std::string& socket) : client(socket) { client.hello("load", {"x"}); }

  void take_all() {
    char chunk[65536];
    for (ssize_t n = 0; (n = ::recv(client.fd(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0;) {
      rest.append(chunk, static_cast<size_t>(n));
      size_t start = 0;
      for (size_t end = 0; (end = rest.find('\n', start)) != std::string::npos; start = end + 1) {
        take(rest.substr(start, end - start));
      }
      rest.erase(0, start);
    }
  }
  void take(const std::string& line) {
    size_t at = line.find("\"seq\":");
    REQUIRE(at != std::string::npos);
    uint64_t seq = std::stoull(line.substr(at + 6));
    REQUIRE(seq > last);
    lost += seq - last - 1;
    last = seq;
    ++events;
  }
  void wait_until(uint64_t seq) {
    TimePoint deadline = now() + kPatience;
    for (take_all(); last < seq; take_all()) {
      REQUIRE(now() < deadline);
      pollfd waiting{client.fd(), POLLIN, 0};
      ::poll(&waiting, 1, 1000);
    }
  }
};

std::string frame(uint64_t n) {
  return R"({"type":"event","event_type":"x","payload":{"n":)" + std::to_string(n) + R"(,"pad":")" +
         std::string(200, 'p') + "\"}}\n";
}

// What a counting consumer tells at the end.
std::string facts(uint64_t events, uint64_t gaps, uint64_t lost) {
  return std::to_string(events) + " events, " + std::to_string(gaps) + " gaps, " + std::to_string(lost) +
         " lost";
}

// A consumer in a process of its own, to be stopped; when it has seen the event `last`, it tells its facts.
std::unique_ptr<Forked> counting_consumer(const std::string& socket, uint64_t last) {
  auto consumer = std::make_unique<Forked>([&](const Forked::Tell& tell) {
    RawClient client(socket);
    client.hello("load", {"x"});
    tell("joined");
    uint64_t events = 0;
    uint64_t gaps = 0;
    uint64_t lost = 0;
    uint64_t seq = 0;
    while (seq < last) {
      std::string line = client.read_line(seconds(60));
      uint64_t next = std::stoull(line.substr(line.find("\"seq\":") + 6, 20));
      ++events;
      gaps += next == seq + 1 ? 0U : 1U;
      lost += next - seq - 1;
      seq = next;
    }
    tell(facts(events, gaps, lost));
  });
  CHECK(consumer->read_line() == "joined");
  return consumer;
}

}  // namespace

TEST_CASE(
    "A consumer stopped for ten seconds at 20 000 events a second harms nobody and sees the newest events",
    "[stopped]") {
  HubProcess hub;
  constexpr uint64_t kTicks = 100;
  constexpr uint64_t kPerTick = 2000;
  constexpr uint64_t kEvents = kTicks * kPerTick;
  auto stopped = counting_consumer(hub.socket(), kEvents);

  Tally one(hub.socket());
  Tally two(hub.socket());
  RawClient source(hub.socket());
  stopped->pause();
  size_t resident_before = resident_kib(hub.pid());

  // The load itself runs by the clock: a tenth of a second, two thousand events, a hundred times.
  Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  itimerspec every{{0, 100'000'000}, {0, 100'000'000}};
  REQUIRE(::timerfd_settime(timer.get(), 0, &every, nullptr) == 0);
  uint64_t published = 0;
  for (uint64_t tick = 0; tick < kTicks; ++tick) {
    uint64_t expirations = 0;
    REQUIRE(::read(timer.get(), &expirations, sizeof expirations) == sizeof expirations);
    for (uint64_t part = 0; part < kPerTick; part += 100) {
      std::string burst;
      for (int i = 0; i < 100; ++i) burst += frame(++published);
      source.send(burst);
      // So that these two are never slow themselves, whatever else this machine does.
      one.wait_until(published);
      two.wait_until(published);
    }
  }
  CHECK(one.lost == 0);
  CHECK(two.lost == 0);
  CHECK(one.events == kEvents);
  StatusResponse status = hub.status();
  const auto& c = status.consumers.at(0);
  CHECK(c.received == kEvents);
  CHECK(c.queued <= status.limits.queue_frames);
  CHECK(c.dropped > kEvents / 2);
  // One queue of 8 MiB at most, and what the allocator keeps beside it; a sanitizer keeps more.
  if (!kSlowBuild) CHECK(resident_kib(hub.pid()) < resident_before + 16 * 1024);

  stopped->resume();
  CHECK(stopped->read_line() == facts(kEvents - c.dropped, 1, c.dropped));
  CHECK(stopped->reap() == 0);
}

TEST_CASE("A consumer stopped while sources publish at full speed sees one gap, and others see none",
          "[flood]") {
  HubProcess hub;
  constexpr uint64_t kRounds = 300;
  constexpr uint64_t kPerRound = 100;
  constexpr uint64_t kEvents = kRounds * kPerRound;
  auto stopped = counting_consumer(hub.socket(), kEvents);
  Tally one(hub.socket());
  Tally two(hub.socket());
  std::vector<RawClient> sources;
  for (int i = 0; i < 3; ++i) sources.emplace_back(hub.socket());
  stopped->pause();
  uint64_t published = 0;
  for (uint64_t round = 0; round < kRounds; ++round) {
    std::string burst;
    for (uint64_t i = 0; i < kPerRound; ++i) burst += frame(++published);
    sources[round % sources.size()].send(burst);
    // At most what their queues hold is on its way to the others.
    uint64_t behind = 5 * kPerRound;
    if (published > behind) one.wait_until(published - behind);
    if (published > behind) two.wait_until(published - behind);
  }
  one.wait_until(kEvents);
  two.wait_until(kEvents);
  CHECK(one.lost + two.lost == 0);
  CHECK(one.events == kEvents);
  CHECK(two.events == kEvents);
  StatusResponse status = hub.status();
  const auto& c = status.consumers.at(0);
  CHECK(c.received == kEvents);
  CHECK(c.dropped > 0);
  CHECK(c.received == c.delivered + c.queued + c.dropped);
  CHECK(status.events.dropped == c.dropped);
  stopped->resume();
  CHECK(stopped->read_line() == facts(kEvents - c.dropped, 1, c.dropped));
  CHECK(stopped->reap() == 0);
}

TEST_CASE("Of two hundred concurrent hellos on one key exactly one is first", "[crowd]") {
  HubProcess hub;
  std::vector<RawClient> crowd;
  for (int i = 0; i < 200; ++i) crowd.emplace_back(hub.socket());
  for (RawClient& client : crowd) client.send_line(hello_line("k", {"x"}));
  int firsts = 0;
  for (RawClient& client : crowd) firsts += client.read_as<HelloAck>().first_for_key ? 1 : 0;
  CHECK(firsts == 1);
  for (RawClient& client : crowd) client.close();
  hub.wait_for_status([](const StatusResponse& s) { return s.active_conns == 0; });
  hub.expect_no_descriptor_leak();
}

TEST_CASE("A flooding source delays no other: both arrive, each in its own order", "[burst]") {
  HubProcess hub({"--queue-frames", "1000000", "--queue-bytes", "256MiB"});
  RawClient consumer(hub.socket());
  consumer.hello("k", {"flood", "calm"});
  RawClient flood(hub.socket());
  std::string burst;
  for (int i = 1; i <= 20'000; ++i) {
    burst += R"({"type":"event","event_type":"flood","payload":)" + std::to_string(i) + "}\n";
  }
  pid_t flooder = ::fork();
  REQUIRE(flooder >= 0);
  if (flooder == 0) {
    for (size_t at = 0; at < burst.size();) {
      pollfd waiting{flood.fd(), POLLOUT, 0};
      ::poll(&waiting, 1, 10'000);
      ssize_t n = ::send(flood.fd(), burst.data() + at, burst.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) at += static_cast<size_t>(n);
    }
    ::_exit(0);
  }
  flood.close();
  RawClient calm(hub.socket());
  calm.send_line(R"({"type":"event","event_type":"calm","payload":1})");
  std::map<std::string, int> last;
  while (last["flood"] < 20'000 || last["calm"] < 1) {
    Event event = consumer.read_as<Event>();
    int n = std::stoi(event.payload);
    REQUIRE(n == last[event.event_type] + 1);
    last[event.event_type] = n;
  }
  int end = 0;
  REQUIRE(::waitpid(flooder, &end, 0) == flooder);
}

TEST_CASE("What is shared among many consumers reaches each as it was sent, also those who read late",
          "[shared]") {
  size_t payload = GENERATE(size_t{200}, size_t{3000}, size_t{20'000});
  HubProcess hub({"--queue-frames", "100000", "--queue-bytes", "256MiB"});
  RawClient source(hub.socket());
  source.send_line(
      R"({"type":"hello","pid":1,"event_key":"","event_types":null,"version":"v1","role":"source"})");
  source.read_as<HelloAck>();
  // Large enough to be shared from 4 consumers on; each event is different from its first byte to its last.
  auto text_of = [&](size_t n) {
    std::string text(payload, 'a');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + (n * 31 + i * (n + 7)) % 26);
    return text;
  };
  size_t published = 0;
  auto publish = [&](size_t count) {
    std::string lines;
    for (size_t i = 0; i < count; ++i)
      lines += R"({"type":"event","event_type":"x","payload":")" + text_of(++published) + "\"}\n";
    return lines;
  };
  std::vector<RawClient> consumers;
  std::vector<size_t> joined_after;
  for (int i = 0; i < 9; ++i) {
    consumers.emplace_back(hub.socket());
    consumers.back().hello("load", {"x"});
    joined_after.push_back(published);
    // Some have the same seqs, some have others, with another number of digits too.
    if (i % 3 == 2) {
      source.send(publish(static_cast<size_t>(4 * i)));
      source.round_trip();
    }
  }
  auto expect_from = [&](size_t i, size_t first) {
    for (size_t n = first; n <= published; ++n) {
      std::string wanted = R"({"type":"event","event_type":"x","seq":)" +
                           std::to_string(n - joined_after[i]) + R"(,"payload":")" + text_of(n) + "\"}";
      if (consumers[i].read_line() != wanted)
        FAIL("event " << n << " of consumer " << i << " is not what was sent");
    }
  };
  size_t per_burst = 160'000 / payload + 2;
  size_t prompt = consumers.size() - 2;  // the last two read nothing until the end
  for (int burst = 0; burst < 6; ++burst) {
    source.send(publish(per_burst));
    source.round_trip();
    for (size_t i = 0; i < prompt; ++i)
      expect_from(i, burst == 0 ? joined_after[i] + 1 : published - per_burst + 1);
  }
  for (size_t i = prompt; i < consumers.size(); ++i) expect_from(i, joined_after[i] + 1);
}

TEST_CASE("What a source sent before it fell silent reaches hundreds of consumers, all of it", "[behind]") {
  // Several turns of deliveries, and the rest of a read that has to wait for them: nothing wakes the hub but
  // itself.
  HubProcess hub({"--queue-frames", "100000"});
  constexpr size_t kConsumers = 400;
  constexpr uint64_t kEvents = 500;
  std::vector<std::unique_ptr<Tally>> consumers;
  for (size_t i = 0; i < kConsumers; ++i) consumers.push_back(std::make_unique<Tally>(hub.socket()));
  RawClient source(hub.socket());
  source.hello("source");
  std::string events;
  for (uint64_t n = 0; n < kEvents; ++n) {
    events += R"({"type":"event","event_type":"x","payload":")" + std::string(n % 7 * 100, 'p') + "\"}\n";
  }
  // In one read, behind which nothing comes.
  hub.pause();
  source.send(events);
  hub.resume();
  for (auto& consumer : consumers) {
    consumer->wait_until(kEvents);
    CHECK(consumer->lost == 0);
    CHECK(consumer->events == kEvents);
  }
}
