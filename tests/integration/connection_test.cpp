// Connections at the hub's edge: too many of them, half-closed ones, vanished ones, and their deadlines.
#include <atomic>
#include <csignal>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr const char* kEvent = R"({"type":"event","event_type":"t","payload":1})";

// Seconds of CPU time that a process has used.
double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// True when nothing arrives at `client` for all of `time`.
bool silent_for(RawClient& client, Duration time) {
  pollfd waiting{client.fd(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(to_ms(time))) == 0;
}

void lower_descriptor_limit(pid_t pid, rlim_t limit) {
  rlimit now_allowed{};
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &now_allowed) == 0);
  rlimit lower{limit, now_allowed.rlim_max};
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &lower, nullptr) == 0);
}

// As one piece: a socket's buffer holds few small ones.
std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("A hub without descriptors pauses accepting, says so once, and goes on when one is free",
          "[limits]") {
  HubProcess hub;
  lower_descriptor_limit(hub.pid(), open_descriptors(hub.pid()) + 3);
  std::vector<RawClient> served;
  for (int i = 0; i < 3; ++i) {
    served.emplace_back(hub.socket());
    served.back().hello("k");
  }
  std::vector<RawClient> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back(hub.socket());
    waiting.back().send_line(hello_line("k"));
  }
  hub.wait_for_log("msg=\"accepting is paused\"");
  double before = cpu_seconds(hub.pid());
  CHECK(silent_for(waiting[0], seconds(1)));
  CHECK(cpu_seconds(hub.pid()) - before < 0.3);
  for (size_t i = 0; i < waiting.size(); ++i) {
    // Those that are served go on being served.
    served[2].round_trip();
    if (i < 2) {
      served[i].close();
    } else {
      waiting[0].close();
    }
    waiting[i].read_as<HelloAck>();
  }
  CHECK(count(hub.log(), "accepting is paused") == 1);
}

TEST_CASE("One connection more than --max-connections is told so and closed", "[limits]") {
  HubProcess hub({"--max-connections", "2"});
  RawClient first(hub.socket());
  first.hello("k");
  RawClient second(hub.socket());
  second.hello("k");
  RawClient third(hub.socket());
  CHECK(third.read_as<ErrorMessage>().code == ErrorCode::too_many);
  third.expect_eof();
  second.close();
  // Its place is free once the hub has seen it go; until then the answer stays the same.
  TimePoint deadline = now() + kPatience;
  for (bool admitted = false; !admitted;) {
    REQUIRE(now() < deadline);
    RawClient next(hub.socket());
    next.send_line(hello_line("k"));
    admitted = std::holds_alternative<HelloAck>(next.read_message());
  }
}

TEST_CASE("max-connections is lowered to what the limit of open files allows, and said so", "[limits]") {
  ChildOptions options;
  options.in_child = [] {
    rlimit limit{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  };
  HubProcess hub({}, std::move(options));
  CHECK(hub.log().find("msg=\"max-connections is lowered") != std::string::npos);
  CHECK(hub.status().limits.max_connections == 32);
}

TEST_CASE("Flooding sources starve neither new connections nor other sources", "[limits]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("quiet", {"quiet"});
  std::atomic<bool> over = false;
  std::vector<std::thread> floods;
  for (int i = 0; i < 4; ++i) {
    floods.emplace_back([&over, connection = RawClient(hub.socket())]() mutable {
      std::string lines = repeated(std::string(kEvent) + "\n", 1000);
      while (!over) connection.send(lines);
    });
  }
  RawClient source(hub.socket());
  for (uint64_t i = 1; i <= 10; ++i) {
    RawClient newcomer(hub.socket());
    CHECK(newcomer.hello("new" + std::to_string(i)).first_for_key);
    source.send_line(R"({"type":"event","event_type":"quiet"})");
    CHECK(consumer.read_as<Event>().seq == i);
  }
  over = true;
  for (std::thread& flood : floods) flood.join();
}

TEST_CASE("A consumer that closed its writing side goes on receiving", "[halfclose]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  consumer.shutdown_write();
  RawClient source(hub.socket());
  source.send_line(kEvent);
  consumer.expect_line(R"({"type":"event","event_type":"t","seq":1,"payload":1})");
  CHECK(hub.status().consumers.size() == 1);
}

TEST_CASE("A half-closed consumer costs no CPU time, and its real end is noticed with nothing being sent",
          "[halfclose]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  consumer.shutdown_write();
  double before = cpu_seconds(hub.pid());
  CHECK(silent_for(consumer, seconds(1)));
  CHECK(cpu_seconds(hub.pid()) - before < 0.2);
  REQUIRE(hub.status().consumers.size() == 1);
  consumer.close();
  hub.wait_for_status([](const StatusResponse& status) { return status.consumers.empty(); });
  hub.expect_no_descriptor_leak();
}

TEST_CASE("A half-closed consumer with a full queue gets all of it, and its end is noticed too",
          "[halfclose]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  consumer.shutdown_write();
  RawClient source(hub.socket());
  std::string payload(10'000, 'x');
  for (int i = 0; i < 500; ++i)
    source.send_line(R"({"type":"event","event_type":"t","payload":")" + payload + "\"}");
  source.round_trip();
  REQUIRE(hub.status().consumers.at(0).queued > 0);
  for (uint64_t seq = 1; seq <= 400; ++seq) CHECK(consumer.read_as<Event>().seq == seq);
  // The kernel holds what was not read when it closes: an error state of the hub's socket, not a plain
  // hang-up.
  consumer.close();
  hub.wait_for_status([](const StatusResponse& status) { return status.consumers.empty(); });
}

TEST_CASE("A peer that vanishes is noticed although nothing is sent to it", "[halfclose]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  RawClient holder(hub.socket());
  holder.hello("lock");
  holder.send_line(R"({"type":"pre_shutdown_check","event_key":"lock"})");
  CHECK(holder.read_as<PreShutdownAck>().last_for_key);
  RawClient waiter(hub.socket());
  waiter.send_line(hello_line("lock"));
  hub.wait_for_status([](const StatusResponse& status) {
    return status.cleanup_locks.size() == 1 && status.cleanup_locks[0].waiting == 1;
  });
  // The waiter's input is not read while it waits; its end must show all the same.
  waiter.send_line(kEvent);
  waiter.close();
  hub.wait_for_status([](const StatusResponse& status) {
    return status.cleanup_locks.size() == 1 && status.cleanup_locks[0].waiting == 0;
  });
  consumer.close();
  holder.close();
  hub.wait_for_status(
      [](const StatusResponse& status) { return status.consumers.empty() && status.cleanup_locks.empty(); });
  hub.expect_no_descriptor_leak();
}

TEST_CASE("A source that closed its writing side reads its answers, then EOF", "[halfclose]") {
  HubProcess hub;
  RawClient source(hub.socket());
  source.send("{\"type\":\"event\",\"event_type\":\"t\"}\n{broken}\n{\"type\":\"event\",\"ev");
  source.shutdown_write();
  CHECK(source.read_as<ErrorMessage>().code == ErrorCode::bad_json);
  CHECK(source.read_as<ErrorMessage>().code == ErrorCode::bad_frame);
  source.expect_eof();
  StatusResponse status = hub.status();
  CHECK(status.events.published == 1);
  // The bad line, and the partial one that EOF discarded.
  CHECK(status.events.refused == 2);
}

TEST_CASE("Events of a publisher that is gone already, with its errors unread, are all processed",
          "[halfclose]") {
  HubProcess hub;
  hub.pause();
  {
    RawClient source(hub.socket());
    source.send(repeated(std::string(kEvent) + "\n{broken}\n", 500));
  }
  hub.resume();
  hub.wait_for_status([](const StatusResponse& status) { return status.events.published == 500; });
  hub.expect_no_descriptor_leak();
}

TEST_CASE("A connection that is refused with input unread sees its error, then EOF and no reset",
          "[halfclose]") {
  HubProcess hub;
  RawClient client(hub.socket());
  hub.pause();
  client.send("{\"type\":\"bye\"}\n" + repeated(std::string(kEvent) + "\n", 1000));
  hub.resume();
  CHECK(client.read_as<ErrorMessage>().code == ErrorCode::not_allowed);
  client.expect_eof();
}

TEST_CASE("A hub that was stopped for longer than the handshake may take drops nobody who met his deadline",
          "[deadline]") {
  HubProcess hub;
  RawClient in_time(hub.socket());
  RawClient silent(hub.socket());
  // Accepted in order of arrival: when this is answered, the two are in their handshake.
  hub.status();
  hub.pause();
  in_time.send_line(hello_line("k", {"t"}));
  CHECK(silent_for(in_time, seconds(6)));
  hub.resume();
  CHECK(in_time.read_as<HelloAck>().first_for_key);
  CHECK(silent.read_as<ErrorMessage>().code == ErrorCode::timeout);
  silent.expect_eof();
  RawClient source(hub.socket());
  source.send_line(kEvent);
  CHECK(in_time.read_as<Event>().seq == 1);
}
