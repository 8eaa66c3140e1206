// What becomes of a scope whose last consumer was killed, when its consumers name a task that cleans up
// (PROTOCOL.md 6): the task is called, once, and nobody joins meanwhile.
#include <csignal>
#include <optional>
#include <string>

#include "protocol/decode.h"
#include "protocol/messages/call.h"
#include "tests/integration/crowd.h"
#include "tests/integration/golden.h"
#include "tests/integration/sdk_support.h"

using namespace bus;
using namespace bus::test;

namespace {

// A provider of the task sweep, over raw frames.
class Sweeper {
 public:
  explicit Sweeper(const HubProcess& hub) : client_(hub.socket()) {
    client_.send_line(R"({"type":"hello","pid":1,"event_key":"","role":"client","background":true})");
    client_.read_as<HelloAck>();
    client_.send_line(R"({"type":"provide","id":"p","tasks":["sweep"]})");
    client_.expect_line(R"({"type":"response","id":"p","result":null})");
  }

  // Returns the request's args, once there is one.
  std::string given() {
    std::string line = client_.read_line();
    auto request = decode_line<GivenRequest>(line);
    if (!request) FAIL("no request: " << line);
    id_ = request->id;
    pid_ = request->from.pid;
    return std::string(request->args);
  }
  int64_t pid() const { return pid_; }
  void answer() { client_.send_line(R"({"type":"response","id":")" + id_ + R"(","result":null})"); }
  bool quiet() {
    client_.send_line(R"({"type":"request","id":"s","task":"bus.sync"})");
    return client_.read_line() == R"({"type":"response","id":"s","result":null})";
  }

 private:
  RawClient client_;
  std::string id_;
  int64_t pid_ = 0;
};

const std::string kOfK = R"({"scope":"k","reason":"gone"})";
const std::vector<std::string> kNamesSweep{"--cleanup-task", "sweep"};

}  // namespace

TEST_CASE("Of programs of which the last is killed, the hub has exactly one clean-up done", "[task]") {
  HubProcess hub;
  Sweeper sweeper(hub);
  for (int round = 0; round < rounds(); ++round) {
    Crowd crowd;
    for (size_t i = crowd_size(round); i > 0; --i) crowd.add(hub, kNamesSweep);
    INFO(crowd.members.size() << " programs");
    crowd.wait_until_ready();
    for (size_t i = 1; i < crowd.members.size(); ++i) crowd.members[i]->signal(SIGTERM);
    for (size_t i = 1; i < crowd.members.size(); ++i) CHECK(crowd.members[i]->wait() == ExitStatus{143, 0});
    crowd.members[0]->signal(SIGKILL);
    CHECK(sweeper.given() == kOfK);
    CHECK(sweeper.pid() == crowd.members[0]->pid());

    RawClient newcomer(hub.socket());
    newcomer.send_line(hello_line("k"));
    hub.wait_for_status([](const StatusResponse& s) {
      return s.cleanup_locks.size() == 1 && s.cleanup_locks[0].waiting == 1 &&
             s.cleanup_locks[0].task == "sweep";
    });
    CHECK(newcomer.quiet());
    sweeper.answer();
    CHECK(newcomer.read_as<HelloAck>().first_for_key);
    newcomer.send_line(kBye);
    newcomer.expect_eof();
    CHECK(crowd.cleaned() == 0);
    CHECK(sweeper.quiet());
    wait_until_empty(hub, static_cast<uint64_t>(round) + 1);
  }
}

TEST_CASE("Of programs that are all killed together, the hub has exactly one clean-up done", "[task]") {
  HubProcess hub;
  Sweeper sweeper(hub);
  for (int round = 0; round < rounds(); ++round) {
    Crowd crowd;
    for (size_t i = crowd_size(round); i > 0; --i) crowd.add(hub, kNamesSweep);
    INFO(crowd.members.size() << " programs");
    crowd.wait_until_ready();
    for (const auto& each : crowd.members) each->signal(SIGKILL);
    CHECK(sweeper.given() == kOfK);
    CHECK(crowd.cleaned() == 0);
    sweeper.answer();
    CHECK(sweeper.quiet());
    wait_until_empty(hub, static_cast<uint64_t>(round) + 1);
  }
}

TEST_CASE("Programs that end in good order clean up themselves, whatever task they name", "[task]") {
  HubProcess hub;
  Sweeper sweeper(hub);
  Crowd crowd;
  for (int i = 0; i < 3; ++i) crowd.add(hub, kNamesSweep);
  crowd.wait_until_ready();
  for (const auto& each : crowd.members) each->signal(SIGTERM);
  CHECK(crowd.cleaned() == 1);
  CHECK(sweeper.quiet());
  wait_until_empty(hub);
}

TEST_CASE("A consumer of the library names its cleanup_task, also after another hub has started", "[task]") {
  TempDir directory;
  std::optional<HubProcess> hub(std::in_place, directory, std::vector<std::string>{});
  auto options = connection_options(directory.path() + "/bus.sock", "k");
  options.cleanup_task = "sweep";
  {
    auto connection = open_connection(options);
    hub->stop();
    hub.reset();
    CHECK(next_item(connection) == "break");
    hub.emplace(directory, std::vector<std::string>{});
    CHECK(next_item(connection) == "reset first");
    connection.abandon();
  }
  hub->wait_for_log("task \\\"sweep\\\" did not clean up k: no_provider: nobody provides sweep");
  Sweeper sweeper(*hub);
  auto consumer_of = consumer_options(hub->socket(), "k");
  consumer_of.cleanup_task = "sweep";
  open_consumer(consumer_of).abandon();
  CHECK(sweeper.given() == kOfK);
  // The hub waits for no clean-up when it stops.
  hub->stop();
  hub->wait_for_log("task \\\"sweep\\\" did not clean up k: stopping: the hub stops");
}

TEST_CASE("A cleanup_task that cannot be is refused before anything is sent", "[task]") {
  HubProcess hub;
  auto fault_of = [](busd::ConnectionOptions options) {
    auto refused = busd::Connection::open(std::move(options));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().result == BUSD_INVALID);
    return refused.error().message;
  };
  auto options = connection_options(hub.socket(), "k");
  options.cleanup_task = "bus.sync";
  CHECK(fault_of(options).starts_with("cleanup_task is below bus."));
  options.cleanup_task = "a\n";
  CHECK(fault_of(options).find("control character") != std::string::npos);
  options = connection_options(hub.socket(), "", {});
  options.cleanup_task = "sweep";
  CHECK(fault_of(options).find("cleanup_task and hooks need a key") != std::string::npos);
}
