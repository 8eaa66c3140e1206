// Connections at the hub's edge: too many of them, half-closed ones, vanished ones, and their deadlines.
#include <atomic>
#include <csignal>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "protocol/limits.h"
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

TEST_CASE("A hub without descriptors says so to those that come, and its own user can still ask for status",
          "[limits]") {
  HubProcess hub;
  lower_descriptor_limit(hub.pid(), open_descriptors(hub.pid()) + 3);
  std::vector<RawClient> served;
  for (int i = 0; i < 3; ++i) {
    served.emplace_back(hub.socket());
    served.back().hello("k");
  }
  std::vector<RawClient> refused;
  for (int i = 0; i < 20; ++i) {
    refused.emplace_back(hub.socket());
    refused.back().send_line(hello_line("k"));
    auto answer = refused.back().read_as<ErrorMessage>();
    CHECK(answer.code == ErrorCode::too_many);
    CHECK(answer.message.find("no file descriptor left") != std::string::npos);
    refused.back().expect_eof();
  }
  CHECK(hub.status().connections.administrative >= 1);
  CHECK(hub.status().consumers.size() == 3);
  // Those that are served go on being served, and one that leaves makes room for another.
  served[2].round_trip();
  served[0].close();
  TimePoint deadline = now() + kPatience;
  for (bool admitted = false; !admitted;) {
    REQUIRE(now() < deadline);
    RawClient next(hub.socket());
    next.send_line(hello_line("k"));
    admitted = std::holds_alternative<HelloAck>(next.read_message());
  }
  RawClient stopping(hub.socket());
  stopping.send_line(R"({"type":"shutdown"})");
  hub.expect_clean_exit();
}

TEST_CASE(
    "A hub without descriptors, its reserve included, pauses accepting, says so once, and goes on later",
    "[limits]") {
  HubProcess hub;
  lower_descriptor_limit(hub.pid(), open_descriptors(hub.pid()) + 1);
  RawClient served(hub.socket());
  served.hello("k");
  std::vector<RawClient> mute;
  for (int i = 0; i < 8; ++i) mute.emplace_back(hub.socket());
  std::vector<RawClient> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back(hub.socket());
    waiting.back().send_line(hello_line("k"));
  }
  hub.wait_for_log("msg=\"accepting is paused\"");
  double before = cpu_seconds(hub.pid());
  CHECK(silent_for(waiting[0], seconds(1)));
  CHECK(cpu_seconds(hub.pid()) - before < 0.3);
  served.round_trip();
  mute.clear();
  for (RawClient& client : waiting) static_cast<void>(client.read_message());
  CHECK(count(hub.log(), "accepting is paused") == 1);
}

TEST_CASE("A hub with all its connections in use answers its own user's status_query, and its shutdown",
          "[limits]") {
  HubProcess hub({"--max-connections", "2"});
  RawClient first(hub.socket());
  first.hello("a");
  RawClient second(hub.socket());
  second.hello("b");
  // Nobody who is mute takes what is kept for them.
  std::vector<RawClient> mute;
  for (int i = 0; i < 7; ++i) mute.emplace_back(hub.socket());
  StatusResponse status = hub.status();
  CHECK(status.consumers.size() == 2);
  CHECK(status.connections.administrative == 8);
  for (const char* frame :
       {R"({"type":"event","event_type":"x"})", R"({"type":"bye"})", "{", R"({"type":"x"})"}) {
    RawClient other(hub.socket());
    other.send_line(frame);
    CHECK(other.read_as<ErrorMessage>().code == ErrorCode::too_many);
    other.expect_eof();
  }
  CHECK(hub.status().events.published == 0);
  RawClient stopping(hub.socket());
  stopping.send_line(R"({"type":"shutdown"})");
  hub.expect_clean_exit();
}

TEST_CASE("One connection more than --max-connections is told so and closed", "[limits]") {
  HubProcess hub({"--max-connections", "2"});
  RawClient first(hub.socket());
  first.hello("k");
  RawClient second(hub.socket());
  second.hello("k");
  RawClient third(hub.socket());
  third.send_line(hello_line("k"));
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

// ---- the answer before the end

namespace {

// Writes for a while although the answer has come, as many programs do; false when the hub does not take it.
bool goes_on_writing(RawClient& client, size_t bytes) {
  const std::string chunk = repeated(std::string(kEvent) + "\n", 1000);
  for (size_t sent = 0; sent < bytes;) {
    ssize_t taken = ::send(client.fd(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (taken <= 0) return false;
    sent += static_cast<size_t>(taken);
  }
  return true;
}

// And for the end of it: the hub writes no more.
void wait_for_answer(RawClient& client) {
  pollfd waiting{client.fd(), POLLRDHUP, 0};
  REQUIRE(::poll(&waiting, 1, static_cast<int>(to_ms(kPatience))) == 1);
}

// What its socket's buffer takes at once.
constexpr size_t kMuch = 100'000;

}  // namespace

TEST_CASE("A client that goes on writing after its connection was refused can read why", "[answer]") {
  HubProcess hub;
  RawClient alone(hub.socket());
  alone.hello("alone", {}, R"("exclusive":true)");
  struct Case {
    std::string sends;
    std::string answer;
  };
  const std::vector<Case> cases = {
      {"{\"type\":\"bye\"}\n", "not_allowed"},
      {"{broken\n", "bad_json"},
      {"{\"type\":\"quux\"}\n", "unknown_type"},
      {hello_line("alone") + "\n", "held exclusively"},
      {std::string(kMaxFrameBytes + 1, 'x'), "frame_too_large"},
      {std::string(kEvent) + "\n" + std::string(kMaxFrameBytes + 1, 'x'), "frame_too_large"},
      {"{\"type\":\"status_query\"}\n", "status_response"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.answer);
    RawClient client(hub.socket());
    client.send(each.sends);
    wait_for_answer(client);
    CHECK(goes_on_writing(client, kMuch));
    client.expect_line_with(each.answer);
    client.expect_eof();
  }
}

TEST_CASE("So can one that came when the hub was full, or that was mute for too long", "[answer]") {
  HubProcess hub({"--max-connections", "1"});
  RawClient served(hub.socket());
  served.hello("k");
  RawClient full(hub.socket());
  full.send_line(hello_line("k"));
  RawClient mute(hub.socket());
  for (RawClient* client : {&full, &mute}) {
    wait_for_answer(*client);
    CHECK(goes_on_writing(*client, kMuch));
    client->expect_line_with(client == &full ? "too_many" : "timeout");
    client->expect_eof();
  }
}

TEST_CASE("A client that never stops writing is closed after a while, and those that never leave are bounded",
          "[answer]") {
  HubProcess hub;
  size_t descriptors = open_descriptors(hub.pid());
  RawClient flood(hub.socket());
  flood.send_line(R"({"type":"bye"})");
  wait_for_answer(flood);
  CHECK_FALSE(goes_on_writing(flood, size_t{64} * 1024 * 1024));
  std::vector<RawClient> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.emplace_back(hub.socket());
    crowd.back().send_line(R"({"type":"bye"})");
    crowd.back().expect_line_with("not_allowed");
  }
  CHECK(open_descriptors(hub.pid()) <= descriptors + 33);
  CHECK(hub.status().active_conns == 0);
  // Nobody left, and yet the hub stops at once.
  crowd.emplace_back(hub.socket());
  crowd.back().send_line(R"({"type":"bye"})");
  crowd.back().expect_line_with("not_allowed");
  hub.stop();
}
