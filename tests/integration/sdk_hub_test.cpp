// Starting hubs on demand, looking at them and stopping them.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

#include "protocol/base/file.h"
#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/messages.h"

namespace bus::test {
namespace {

// A hub that somebody's client started in `directory` is stopped, whatever the test did.
class StartedHub {
 public:
  explicit StartedHub(std::string socket) : socket_(std::move(socket)) {}
  ~StartedHub() { CHECK(busd::hub_stop({.socket = socket_}, kItemPatience, true)); }

 private:
  std::string socket_;
};

// A variable of the environment for the length of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    REQUIRE(::setenv(name, value.c_str(), 1) == 0);
  }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

busd::ConsumerOptions options_for(const std::string& socket) {
  return {.key = "k", .event_types = {"t"}, .socket = socket, .hub_program = busd_program()};
}

bool no_child_left() { return ::waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD; }

void write_script(const std::string& path, const std::string& text) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
  REQUIRE(fd);
  REQUIRE(write_all(fd.get(), text));
}

// --- start ---

TEST_CASE("A client starts the hub when none runs, as a daemon that leaves when it is idle", "[start]") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  StartedHub started(socket);
  auto consumer = open_consumer(options_for(socket));
  CHECK(consumer.is_first());
  CHECK(no_child_left());
  auto status = query_status(socket);
  CHECK(status.limits.idle_exit_ms == 30'000);
  CHECK(status.socket == socket);
  CHECK(::getsid(static_cast<pid_t>(status.pid)) != ::getsid(0));
  struct stat log {};
  REQUIRE(::stat(directory.file("bus.log").c_str(), &log) == 0);
  CHECK((log.st_mode & 0777U) == 0600);
  auto source = open_source({.socket = socket, .no_start = true});
  publish(source, "t", "1");
  CHECK(next_item(consumer) == "event 1");
}

TEST_CASE("Of 20 clients at once that find no hub, one starts it and all are served", "[start]") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  StartedHub started(socket);
  std::atomic<int> served{0};
  std::atomic<int> done{0};
  std::atomic<bool> leave{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      auto consumer = busd::Consumer::open(options_for(socket));
      if (consumer) ++served;
      ++done;
      while (!leave) std::this_thread::yield();
    });
  }
  TimePoint give_up = now() + seconds(20);
  while (done < 20 && now() < give_up) std::this_thread::yield();
  size_t consumers = query_status(socket).consumers.size();
  leave = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(served == 20);
  CHECK(consumers == 20);
  CHECK(no_child_left());
  // One hub: one that served in this log, nobody who came second.
  auto log = read_file(directory.file("bus.log"), 1 << 20);
  REQUIRE(log);
  size_t serving = 0;
  for (size_t at = 0; (at = log->find("msg=\"serving\"", at)) != std::string::npos; ++at) ++serving;
  CHECK(serving == 1);
  CHECK(log->find("serves") == std::string::npos);
}

TEST_CASE("A socket that a killed hub left behind does not keep a client from starting the next", "[start]") {
  HubProcess hub;
  StartedHub started(hub.socket());
  hub.kill();
  CHECK(open_consumer(options_for(hub.socket())).is_first());
  CHECK(query_status(hub.socket()).pid != hub.pid());
}

TEST_CASE("Where starting is not allowed, a hub that is not there is unreachable", "[start]") {
  TempDir directory;
  auto options = options_for(directory.file("bus.sock"));
  auto why = [&options] {
    auto consumer = busd::Consumer::open(options);
    REQUIRE_FALSE(consumer);
    CHECK(consumer.error().result == BUSD_UNREACHABLE);
    return consumer.error().message;
  };
  options.no_start = true;
  CHECK(why().find("; start one with busd --detach --socket ") != std::string::npos);
  options.no_start = false;
  Variable forbidden("BUSD_NO_START", "1");
  CHECK(why().find("; start one with busd --detach --socket ") != std::string::npos);
  CHECK(::access(directory.file("bus.lock").c_str(), F_OK) != 0);
}

TEST_CASE("When the hub cannot be started, the reason reaches the caller", "[start]") {
  TempDir directory;
  auto options = options_for(directory.file("bus.sock"));
  auto why = [&options] {
    auto consumer = busd::Consumer::open(options);
    REQUIRE_FALSE(consumer);
    CHECK(consumer.error().result == BUSD_UNREACHABLE);
    return consumer.error().message;
  };
  options.hub_program = directory.file("absent");
  CHECK(why().find("absent") != std::string::npos);
  options.hub_program = directory.file("refuses");
  write_script(options.hub_program, "#!/bin/sh\necho 'the moon is full' >&3\nexit 78\n");
  CHECK(why() == "the moon is full");
  options.hub_program = directory.file("silent");
  write_script(options.hub_program, "#!/bin/sh\nexit 1\n");
  CHECK(why().find("before it was ready") != std::string::npos);
}

TEST_CASE("The program to start is the option's, else the environment's", "[start]") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  Variable program("BUSD_PROGRAM", busd_program());
  auto options = options_for(socket);
  options.hub_program = directory.file("absent");
  CHECK_FALSE(busd::Consumer::open(options));
  StartedHub started(socket);
  options.hub_program.clear();
  CHECK(busd::Consumer::open(options));
}

TEST_CASE("A hub that never says it is ready is not waited for beyond the limit", "[start]") {
  TempDir directory;
  auto options = options_for(directory.file("bus.sock"));
  options.hub_program = directory.file("hangs");
  write_script(options.hub_program, "#!/bin/sh\nexec sleep 1000\n");
  options.open_timeout = std::chrono::milliseconds(100);
  auto consumer = busd::Consumer::open(options);
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
}

TEST_CASE("While another client starts the hub, this one waits, but not beyond the limit", "[start]") {
  TempDir directory;
  auto held = try_lock_file(directory.file("bus.start.lock"));
  REQUIRE(held);
  auto options = options_for(directory.file("bus.sock"));
  options.open_timeout = std::chrono::milliseconds(100);
  auto consumer = busd::Consumer::open(options);
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
  CHECK(consumer.error().message.find("another client is starting the hub") != std::string::npos);
  CHECK(::access(directory.file("bus.lock").c_str(), F_OK) != 0);
}

TEST_CASE("The user's own directory must be writable by nobody else before anything in it is trusted or made",
          "[start]") {
  TempDir runtime;
  Variable where("XDG_RUNTIME_DIR", runtime.path());
  std::string directory = runtime.file("busd");
  REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  REQUIRE(::chmod(directory.c_str(), 0770) == 0);
  // A hub that listens there, but who knows whose.
  auto listener = listen_unix(directory + "/bus.sock", 8);
  REQUIRE(listener);
  auto options = options_for("");
  auto consumer = busd::Consumer::open(options);
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_DENIED);
  CHECK(consumer.error().message.find("others may write to directory") != std::string::npos);
  CHECK(busd::hub_status().error().result == BUSD_DENIED);
  CHECK(::access((directory + "/bus.start.lock").c_str(), F_OK) != 0);

  // As --allow-uid makes it: others may enter, and no more.
  REQUIRE(::chmod(directory.c_str(), 0711) == 0);
  listener->reset();
  REQUIRE(::unlink((directory + "/bus.sock").c_str()) == 0);
  StartedHub started(directory + "/bus.sock");
  CHECK(busd::Consumer::open(options));
}

// --- control ---

TEST_CASE("The status of a hub is its response, byte for byte", "[control]") {
  HubProcess hub;
  auto consumer = open_consumer({.key = "k", .event_types = {"t"}, .socket = hub.socket(), .no_start = true});
  auto status = busd::hub_status({.socket = hub.socket()});
  REQUIRE(status);
  Decoded decoded = decode(*status);
  const auto* message = std::get_if<Message>(&decoded);
  REQUIRE(message != nullptr);
  const auto* response = std::get_if<StatusResponse>(message);
  REQUIRE(response != nullptr);
  CHECK(response->pid == hub.pid());
  REQUIRE(response->consumers.size() == 1);
  CHECK(response->consumers[0].pid == ::getpid());
  CHECK(status->back() == '}');
}

TEST_CASE("The metrics of a hub are text for Prometheus", "[control]") {
  HubProcess hub;
  auto metrics = busd::hub_metrics({.socket = hub.socket()});
  REQUIRE(metrics);
  CHECK(metrics->find("# HELP busd_") == 0);
  CHECK(metrics->find("\nbusd_connections_accepted_total 1\n") != std::string::npos);
  CHECK(metrics->back() == '\n');
  CHECK(busd_hub_metrics(nullptr, 0, nullptr, nullptr, nullptr) == BUSD_INVALID);
  auto absent = busd::hub_metrics({.socket = hub.socket() + ".none"});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().result == BUSD_UNREACHABLE);
}

TEST_CASE("A hub that does not answer is not alive, whatever process exists", "[control]") {
  HubProcess hub;
  hub.pause();
  auto status = busd::hub_status({.socket = hub.socket()}, std::chrono::milliseconds(50));
  REQUIRE_FALSE(status);
  CHECK(status.error().result == BUSD_TIMED_OUT);
  hub.resume();
  CHECK(busd::hub_status({.socket = hub.socket()}));
}

TEST_CASE("The facts about a hub come from the kernel", "[control]") {
  HubProcess hub;
  busd::HubOptions here{.socket = hub.socket()};
  auto facts = busd::hub_inspect(here);
  REQUIRE(facts);
  CHECK(facts->socket == hub.socket());
  CHECK(facts->lock == hub.file("bus.lock"));
  CHECK(facts->socket_exists);
  CHECK(facts->lock_held);
  CHECK(facts->lock_pid == hub.pid());
  CHECK(facts->peer_pid == hub.pid());
  CHECK(facts->peer_uid == ::geteuid());
  hub.kill();
  facts = busd::hub_inspect(here);
  REQUIRE(facts);
  CHECK(facts->socket_exists);
  CHECK_FALSE(facts->lock_held);
  CHECK(facts->lock_pid == 0);
  CHECK(facts->peer_pid == 0);
}

TEST_CASE("A hub that is asked to stop stops, and is gone when the call returns", "[control]") {
  HubProcess hub;
  CHECK(busd::hub_stop({.socket = hub.socket()}, kItemPatience));
  auto facts = busd::hub_inspect({.socket = hub.socket()});
  REQUIRE(facts);
  CHECK_FALSE(facts->lock_held);
  CHECK_FALSE(facts->socket_exists);
  hub.expect_clean_exit();
  CHECK(busd::hub_stop({.socket = hub.socket()}, std::chrono::milliseconds(10)));
}

TEST_CASE("A hub that does not stop in time is killed only by force", "[control]") {
  HubProcess hub;
  hub.pause();
  auto stopped = busd::hub_stop({.socket = hub.socket()}, std::chrono::milliseconds(50));
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().result == BUSD_TIMED_OUT);
  CHECK(hub.running());
  CHECK(busd::hub_stop({.socket = hub.socket()}, std::chrono::milliseconds(50), true));
  CHECK_FALSE(busd::hub_inspect({.socket = hub.socket()})->lock_held);
  hub.kill();
}

TEST_CASE("What holds the lock and does not listen is ended only by force, and asked by SIGTERM first",
          "[control]") {
  TempDir directory;
  busd::HubOptions here{.socket = directory.file("bus.sock")};
  Child holder("/usr/bin/flock",
               {"--no-fork", directory.file("bus.lock"), "sh", "-c", "echo held; exec sleep 1000"});
  holder.wait_for_output("held");
  auto facts = busd::hub_inspect(here);
  REQUIRE(facts);
  CHECK(facts->lock_held);
  CHECK_FALSE(facts->absent);
  CHECK(facts->peer_pid == 0);
  auto stopped = busd::hub_stop(here, std::chrono::milliseconds(50));
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().result == BUSD_TIMED_OUT);
  CHECK(stopped.error().message.find("bus-stop --force ends it") != std::string::npos);
  CHECK(holder.running());
  busd::HubEnding ending;
  // It ends by SIGTERM, however long that takes on a machine that does other things.
  CHECK(busd::hub_end(here, kItemPatience, true, &ending));
  CHECK(ending.ran);
  CHECK_FALSE(ending.killed);
  CHECK(ending.pid == facts->lock_pid);
  CHECK(holder.wait().signal == SIGTERM);
}

TEST_CASE("Nobody is killed who listens without the lock and does not answer", "[control]") {
  TempDir directory;
  busd::HubOptions here{.socket = directory.file("bus.sock")};
  auto listener = listen_unix(here.socket, 8);
  REQUIRE(listener);
  busd::HubEnding ending;
  auto stopped = busd::hub_end(here, std::chrono::milliseconds(50), true, &ending);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().result == BUSD_TIMED_OUT);
  CHECK(stopped.error().message.find("not killed") != std::string::npos);
  CHECK_FALSE(ending.killed);
}

TEST_CASE("That no hub runs is proved by the socket and the lock", "[control]") {
  TempDir directory;
  busd::HubOptions here{.socket = directory.file("bus.sock")};
  auto absent = [&here] {
    auto facts = busd::hub_inspect(here);
    REQUIRE(facts);
    return facts->absent;
  };
  CHECK(absent());
  auto listener = listen_unix(here.socket, 8);
  REQUIRE(listener);
  CHECK_FALSE(absent());
  listener->reset();
  CHECK(absent());
  REQUIRE(::unlink(here.socket.c_str()) == 0);
  REQUIRE(::mkdir(here.socket.c_str(), 0700) == 0);
  CHECK_FALSE(absent());
}

TEST_CASE("The time for opening bounds it also when the hub is frozen, and the message names the hub",
          "[control]") {
  HubProcess hub;
  hub.pause();
  auto options = options_for(hub.socket());
  options.open_timeout = std::chrono::milliseconds(200);
  TimePoint begin = now();
  auto consumer = busd::Consumer::open(options);
  CHECK(now() - begin < std::chrono::seconds(5));
  REQUIRE_FALSE(consumer);
  CHECK(consumer.error().result == BUSD_TIMED_OUT);
  std::string pid = std::to_string(hub.pid());
  CHECK(consumer.error().message == "pid " + pid + " listens at \"" + hub.socket() +
                                        "\" and does not answer; it is stopped (SIGSTOP): kill -CONT " + pid +
                                        " lets it go on, kill -9 " + pid +
                                        " ends it, and so does bus-stop --force");
  hub.resume();
}

}  // namespace
}  // namespace bus::test
