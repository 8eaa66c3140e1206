// The hub is told to end, at any moment and in every way: it ends by itself, soon, with exit 0, and takes
// down its socket and nothing else (PROTOCOL.md 4 and 8).
//
// How long each end took is printed; what fails a test is the patience of all tests.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <poll.h>
#include <set>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

std::set<std::string> listing(const std::string& directory) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    out.insert(entry.path().filename());
  return out;
}

std::string event_line(size_t bytes) {
  return R"({"type":"event","event_type":"t","payload":")" + std::string(bytes, 'x') + "\"}\n";
}

void expect_zero(const ExitStatus& end) {
  REQUIRE(end.signal == 0);
  REQUIRE(end.code == 0);
}

// Tells when a name appears in a directory.
class Arrival {
 public:
  explicit Arrival(const std::string& directory) : inotify_(::inotify_init1(IN_CLOEXEC)) {
    REQUIRE(::inotify_add_watch(inotify_.get(), directory.c_str(), IN_CREATE | IN_MOVED_TO) >= 0);
  }
  void wait_for(const std::string& name) {
    alignas(inotify_event) char buffer[4096];
    for (;;) {
      pollfd waiting{inotify_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, static_cast<int>(to_ms(kPatience))) != 1) FAIL("no " << name << " in time");
      ssize_t n = ::read(inotify_.get(), buffer, sizeof buffer);
      for (ssize_t at = 0; at < n;) {
        auto* event = reinterpret_cast<inotify_event*>(buffer + at);
        if (name == event->name) return;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
  }

 private:
  Fd inotify_;
};

// A hub in a directory where other files stand, and how it ends.
class Ending {
 public:
  explicit Ending(const std::vector<std::string>& arguments = {}) {
    std::ofstream(directory_.file("precious")) << "precious";
    std::ofstream(directory_.file("bus.sock.old")) << "precious";
    hub_ = std::make_unique<HubProcess>(directory_, arguments);
    before_ = listing(directory_.path());
    REQUIRE(before_.count("bus.sock") == 1);
  }
  HubProcess& hub() { return *hub_; }
  const std::string& socket() const { return hub_->socket(); }

  void signal(int number) {
    begin();
    REQUIRE(::kill(hub_->pid(), number) == 0);
  }
  void shutdown_message() {
    RawClient client(socket());
    begin();
    client.send_line(R"({"type":"shutdown"})");
    client.expect_eof();
  }
  void expect(const char* when) {
    hub_->expect_clean_exit();
    std::printf("ended %s within %lld ms\n", when, to_ms(now() - begun_));
    before_.erase("bus.sock");
    CHECK(listing(directory_.path()) == before_);
    // And its lock is free: the next one serves at once.
    HubProcess next(directory_, {});
    CHECK(next.status().pid == next.pid());
    next.stop();
  }

 private:
  void begin() { begun_ = now(); }

  TempDir directory_;
  std::unique_ptr<HubProcess> hub_;
  std::set<std::string> before_;
  TimePoint begun_;
};

// Consumers that read nothing, with queues that have dropped already.
std::vector<RawClient> stuck_consumers(const HubProcess& hub, size_t count) {
  std::vector<RawClient> out;
  for (size_t i = 0; i < count; ++i) {
    out.emplace_back(hub.socket());
    out.back().hello("stuck", {"t"});
  }
  RawClient source(hub.socket());
  for (int i = 0; i < 200; ++i) source.send(event_line(20'000));
  source.round_trip();
  StatusResponse status = hub.status();
  for (const auto& consumer : status.consumers) REQUIRE(consumer.dropped > 0);
  return out;
}

const std::vector<std::string> kShortQueues = {"--queue-frames", "16"};

// A busd that is signalled before it serves.
struct Starting {
  Starting() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ready.reset(ends[0]);
    Fd theirs(ends[1]);
    ChildOptions options;
    options.descriptors.emplace_back(theirs.get(), 3);
    child = std::make_unique<Child>(
        busd_program(), std::vector<std::string>{"--socket", directory.file("bus.sock"), "--ready-fd", "3"},
        std::move(options));
  }
  TempDir directory;
  Fd ready;
  std::unique_ptr<Child> child;
};

}  // namespace

TEST_CASE("Stuck consumers with full queues hold up no end, in whatever way it is asked for", "[stuck]") {
  Ending ending(kShortQueues);
  std::vector<RawClient> stuck = stuck_consumers(ending.hub(), 20);
  SECTION("SIGTERM") {
    ending.signal(SIGTERM);
    ending.expect("with stuck consumers, by SIGTERM,");
  }
  SECTION("SIGINT") {
    ending.signal(SIGINT);
    ending.expect("with stuck consumers, by SIGINT,");
  }
  SECTION("shutdown") {
    ending.shutdown_message();
    ending.expect("with stuck consumers, by a shutdown message,");
  }
  // What a socket held is still there for who reads at last: whole events in order, then the end.
  uint64_t seq = 0;
  for (const std::string& line : stuck[0].expect_end()) {
    if (line.back() != '}') continue;
    CHECK(line.find("\"seq\":" + std::to_string(++seq) + ",") != std::string::npos);
  }
  CHECK(seq > 0);
}

TEST_CASE("A second signal, and a third, change nothing about an end that goes on", "[stuck]") {
  Ending ending(kShortQueues);
  std::vector<RawClient> stuck = stuck_consumers(ending.hub(), 2);
  ending.signal(SIGTERM);
  ending.hub().wait_for_log("msg=\"stopping\"");
  REQUIRE(::kill(ending.hub().pid(), SIGTERM) == 0);
  REQUIRE(::kill(ending.hub().pid(), SIGINT) == 0);
  ending.expect("with stuck consumers, by three signals,");
}

TEST_CASE("A stopped hub that is told to end does so once it runs again", "[stuck]") {
  Ending ending;
  RawClient client(ending.socket());
  client.hello("k");
  ending.hub().pause();
  ending.signal(SIGTERM);
  ending.hub().resume();
  client.expect_end();
  ending.expect("after being stopped");
}

TEST_CASE("A hub ends in the middle of handshakes", "[handshake]") {
  Ending ending;
  std::vector<RawClient> halves;
  for (int i = 0; i < 20; ++i) {
    halves.emplace_back(ending.socket());
    if (i % 2 == 0) halves.back().send(R"({"type":"hello","pid":)");
  }
  ending.hub().status();
  // Some are not even accepted.
  ending.hub().pause();
  for (int i = 0; i < 20; ++i) halves.emplace_back(ending.socket());
  for (RawClient& half : halves) half.send_some("1");
  ending.signal(SIGTERM);
  ending.hub().resume();
  for (RawClient& half : halves) {
    for (const std::string& line : half.expect_end()) CHECK(line.find("hello_ack") == std::string::npos);
  }
  ending.expect("during handshakes");
}

TEST_CASE("A hub ends in the middle of a flood: what a consumer got is whole and in order", "[flood]") {
  Ending ending;
  RawClient consumer(ending.socket());
  consumer.hello("k", {"t"});
  std::atomic<bool> over = false;
  std::vector<std::thread> floods;
  for (int i = 0; i < 3; ++i) {
    floods.emplace_back([&over, connection = RawClient(ending.socket())]() mutable {
      std::string line = event_line(1000);
      std::string lines;
      for (int n = 0; n < 50; ++n) lines += line;
      while (!over) connection.send(lines);
    });
  }
  uint64_t last = 0;
  for (int n = 0; n < 2000; ++n) {
    uint64_t seq = consumer.read_as<Event>().seq.value_or(0);
    REQUIRE(seq > last);
    last = seq;
  }
  ending.signal(SIGTERM);
  ending.hub().wait_for_log("msg=\"stopping\"");
  over = true;
  std::vector<std::string> rest = consumer.expect_end();
  for (std::thread& flood : floods) flood.join();
  for (const std::string& line : rest) {
    size_t at = line.find("\"seq\":");
    REQUIRE(at != std::string::npos);
    auto seq = parse_u64(line.substr(at + 6, line.find(',', at) - at - 6));
    REQUIRE(seq);
    REQUIRE(*seq > last);
    REQUIRE(line.ends_with("x\"}"));
    last = *seq;
  }
  ending.expect("in a flood");
}

TEST_CASE("A hub ends while a scope is cleaned up: those who wait for it are told nothing false", "[lock]") {
  Ending ending;
  RawClient holder(ending.socket());
  holder.hello("k");
  holder.send_line(R"({"type":"pre_shutdown_check","event_key":"k"})");
  CHECK(holder.read_as<PreShutdownAck>().last_for_key);
  std::vector<RawClient> waiters;
  for (int i = 0; i < 10; ++i) {
    waiters.emplace_back(ending.socket());
    waiters.back().send_line(hello_line("k"));
  }
  ending.hub().wait_for_status([](const StatusResponse& status) {
    return status.cleanup_locks.size() == 1 && status.cleanup_locks[0].waiting == 10;
  });
  ending.signal(SIGTERM);
  for (RawClient& waiter : waiters) CHECK(waiter.expect_end().empty());
  CHECK(holder.expect_end().empty());
  ending.expect("during a clean-up");
}

TEST_CASE("A hub that is signalled while it waits for the lock ends with 0 and leaves nothing", "[start]") {
  int number = GENERATE(SIGTERM, SIGINT);
  TempDir directory;
  auto held = try_lock_file(directory.file("bus.lock"));
  REQUIRE(held);
  Child hub(busd_program(), {"--socket", directory.file("bus.sock")});
  // Until it is busd, and sleeps between two looks at the lock.
  std::string name;
  for (TimePoint deadline = now() + kPatience; name != "busd";) {
    REQUIRE(now() < deadline);
    std::ifstream("/proc/" + std::to_string(hub.pid()) + "/comm") >> name;
  }
  wait_for_state(hub.pid(), 'S');
  hub.signal(number);
  CHECK(hub.wait() == ExitStatus{0, 0});
  CHECK(listing(directory.path()) == std::set<std::string>{"bus.lock"});
}

TEST_CASE(
    "A hub that is signalled as soon as its lock, or its socket, is there ends with 0 and leaves no socket",
    "[start]") {
  const char* sign = GENERATE("bus.lock", "bus.sock");
  for (int i = 0; i < 20; ++i) {
    TempDir directory;
    Arrival arrival(directory.path());
    Child hub(busd_program(), {"--socket", directory.file("bus.sock")});
    arrival.wait_for(sign);
    hub.signal(i % 2 == 0 ? SIGTERM : SIGINT);
    ExitStatus end = hub.wait();
    INFO("after " << sign << ", time " << i << ": code " << end.code << " signal " << end.signal
                  << ", stderr " << hub.errors());
    REQUIRE(end == ExitStatus{0, 0});
    REQUIRE(listing(directory.path()) == std::set<std::string>{"bus.lock"});
  }
}

TEST_CASE("A hub that is signalled the moment it says ready ends with 0", "[start]") {
  for (int i = 0; i < 20; ++i) {
    Starting starting;
    REQUIRE(read_descriptor_line(starting.ready.get()) == "ready");
    starting.child->signal(SIGTERM);
    expect_zero(starting.child->wait());
    REQUIRE(listing(starting.directory.path()) == std::set<std::string>{"bus.lock"});
  }
}

TEST_CASE(
    "A hub that ends while a client starts it harms nobody: the client is told, and the next one serves",
    "[demand]") {
  // Hubs that clients start become children of this process.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const char* sign = GENERATE("bus.lock", "bus.sock");
  TempDir directory;
  TempDir aside;
  std::string program = aside.file("hub");
  // Tells its pid, which stays the same.
  std::ofstream(program) << "#!/bin/sh\necho $$ > " << aside.file("pid.new") << "\nmv "
                         << aside.file("pid.new") << " " << aside.file("pid") << "\nexec " << busd_program()
                         << " \"$@\"\n";
  REQUIRE(::chmod(program.c_str(), 0700) == 0);
  busd::ConsumerOptions options{
      .key = "k", .event_types = {"t"}, .socket = directory.file("bus.sock"), .hub_program = program};
  Arrival started(directory.path());
  bool connected = false;
  std::thread client([&] {
    auto consumer = busd::Consumer::open(options);
    connected = consumer.has_value();
  });
  started.wait_for(sign);
  auto text = read_file(aside.file("pid"), 64);
  pid_t pid = text ? std::atoi(text->c_str()) : -1;
  if (pid > 0) ::kill(pid, SIGTERM);
  client.join();
  REQUIRE(pid > 0);
  int status = 0;
  // A hub that ends before its starter has heard of it is reaped by the process between the two.
  pid_t reaped = ::waitpid(pid, &status, 0);
  REQUIRE((reaped == pid || (reaped < 0 && errno == ECHILD)));
  if (reaped == pid) {
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  std::printf("signalled after %s: the client %s\n", sign,
              connected ? "was served" : "was told that there is no hub");
  {
    auto next = open_consumer(options);
    auto source = source_for(options.socket);
    publish(source, "t", "1");
    CHECK(next_item(next) == "event 1");
  }
  CHECK(busd::hub_stop({.socket = options.socket}, kItemPatience));
  CHECK(listing(directory.path()) == std::set<std::string>{"bus.lock", "bus.log", "bus.start.lock"});
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}
