// The examples that people copy from, run as they say of themselves, against the real hub.
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

namespace bus::test {
namespace {

std::string example(const std::string& name) { return std::string(BUSD_BIN_DIR) + "/" + name; }

ChildOptions on(const HubProcess& hub) {
  ChildOptions options;
  options.environment = {{"BUSD_SOCKET", hub.socket()}, {"BUSD_NO_START", "1"}};
  return options;
}

// Ticks that the clock example publishes, until the child has ended.
void tick(const HubProcess& hub, const std::string& count) {
  RunResult clock = run(example("example-clock-source"), {count, "1"}, on(hub));
  INFO(clock.errors);
  CHECK(clock.status == ExitStatus{0, 0});
}

// Waits until the child has written more than `size` bytes to stdout.
void wait_for_more(const Child& child, size_t size) {
  for (TimePoint give_up = now() + kPatience; child.output().size() <= size;) {
    if (now() >= give_up) FAIL("nothing more came; stderr holds: " << child.errors());
    ::poll(nullptr, 0, 1);
  }
}

size_t lines_with(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST_CASE("A provider in C answers, also what does not fit", "[calls]") {
  HubProcess hub;
  Child adder(example("example-adder"), {"2"}, on(hub));
  RunResult asked = run(example("example-ask"), {"1", "-3"}, on(hub));
  INFO(asked.errors);
  CHECK(asked.status == ExitStatus{0, 0});
  CHECK(asked.output == "{\"sum\":-2}\n");
  CHECK(run(example("example-ask"), {"40", "2"}, on(hub)).output == "{\"sum\":42}\n");
  CHECK(adder.wait() == ExitStatus{0, 0});
}

TEST_CASE("A provider in libevent's loop answers requests later, in another order", "[calls]") {
  HubProcess hub;
  Child provider(example("example-provider-in-libevent"), {}, on(hub));
  provider.wait_for_errors("ready");
  RawClient caller(hub.socket());
  caller.send_line(R"({"type":"request","id":"slow","task":"loop.after","args":60})");
  caller.send_line(R"({"type":"request","id":"quick","task":"loop.after","args":1})");
  caller.send_line(R"({"type":"request","id":"bad","task":"loop.after","args":"x"})");
  CHECK(caller.read_line().find(R"("id":"bad","error":{"code":"bad_args")") != std::string::npos);
  CHECK(caller.read_line() == R"({"type":"response","id":"quick","result":1})");
  CHECK(caller.read_line() == R"({"type":"response","id":"slow","result":60})");
}

TEST_CASE("A provider in C++ answers many calls at once, until it is interrupted", "[calls]") {
  HubProcess hub;
  Child squares(example("example-squares"), {"serve"}, on(hub));
  squares.wait_for_errors("ready");
  RunResult asked = run(example("example-squares"), {"100"}, on(hub));
  INFO(asked.errors);
  CHECK(asked.output == "338350\n");
  squares.signal(SIGINT);
  CHECK(squares.wait() == ExitStatus{0, 0});
}

TEST_CASE("Of several programs in C++ one leads, and another one when it is killed", "[values]") {
  HubProcess hub;
  Child first(example("example-leader"), {"first"}, on(hub));
  first.wait_for_output("leads\n");
  Child second(example("example-leader"), {"second"}, on(hub));
  Child third(example("example-leader"), {"third"}, on(hub));
  RawClient client(hub.socket());
  auto leader = [&client] {
    client.send_line(R"({"type":"get","id":"g","key":"leader"})");
    return client.read_line();
  };
  CHECK(leader().find(R"("value":"first")") != std::string::npos);
  first.signal(SIGKILL);
  CHECK(first.wait().signal == SIGKILL);
  for (TimePoint give_up = now() + kPatience; second.output().empty() && third.output().empty();) {
    if (now() >= give_up) FAIL("nobody leads");
    ::poll(nullptr, 0, 1);
  }
  CHECK(second.output() + third.output() == "leads\n");
  CHECK(leader().find(second.output().empty() ? R"("value":"third")" : R"("value":"second")") !=
        std::string::npos);
}

TEST_CASE("A command in C waits for its lock, and others for it", "[values]") {
  HubProcess hub;
  const std::string gate = hub.file("gate");
  REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
  Child holder(example("example-lock"),
               {"build", "sh", "-c", "echo have it; read line <" + gate + "; exit 3"}, on(hub));
  holder.wait_for_output("have it\n");
  Child waiter(example("example-lock"), {"build", "echo", "now me"}, on(hub));
  hub.wait_for_status([](const StatusResponse& status) { return status.active_conns >= 2; });
  CHECK(waiter.output().empty());
  { Fd open(::open(gate.c_str(), O_WRONLY | O_CLOEXEC)); }
  CHECK(holder.wait() == ExitStatus{3, 0});
  CHECK(waiter.wait() == ExitStatus{0, 0});
  CHECK(waiter.output() == "now me\n");
}

TEST_CASE("A stream in C++ comes whole, and its provider waits for a reader that does not read", "[calls]") {
  HubProcess hub;
  Child provider(example("example-stream"), {"serve"}, on(hub));
  provider.wait_for_errors("ready");
  // More than the hub holds of a stream.
  RunResult asked = run(example("example-stream"), {"8000001"}, on(hub));
  INFO(asked.errors);
  CHECK(asked.status == ExitStatus{0, 0});
  CHECK(asked.output.starts_with("{\"bytes\":8000001,\"checksum\":"));
  CHECK(run(example("example-stream"), {"0"}, on(hub)).output.starts_with("{\"bytes\":0,"));
  {
    RawClient stopped(hub.socket());
    stopped.send_line(R"({"type":"request","id":"1","task":"bytes.stream","stream":true,"args":100000000})");
    CHECK(stopped.read_line().starts_with(R"({"type":"chunk","id":"1","seq":1,)"));
  }
  // It is free again, since nobody waits for that.
  CHECK(run(example("example-stream"), {"10"}, on(hub)).output.starts_with("{\"bytes\":10,"));
  provider.signal(SIGINT);
  CHECK(provider.wait() == ExitStatus{0, 0});
}

TEST_CASE("The consumer in C prints what the clock publishes", "[c]") {
  HubProcess hub;
  Child consumer(example("example-minimal-c"), {"clock.tick", "3"}, on(hub));
  consumer.wait_for_errors("ready");
  tick(hub, "3");
  CHECK(consumer.wait() == ExitStatus{0, 0});
  CHECK(lines_with(consumer.output(), "{\"n\":") == 3);
  CHECK(consumer.output().rfind("{\"n\":1,\"unix_ms\":", 0) == 0);
}

TEST_CASE("The consumer in C leaves in good order when it is interrupted", "[c]") {
  HubProcess hub;
  Child consumer(example("example-minimal-c"), {"clock.tick"}, on(hub));
  consumer.wait_for_errors("ready");
  consumer.signal(SIGINT);
  CHECK(consumer.wait() == ExitStatus{0, 0});
  hub.wait_for_status([](const StatusResponse& status) { return status.consumers.empty(); });
}

TEST_CASE("The consumer in C++ sets up when it is first, and cleans up when it is last", "[cpp]") {
  HubProcess hub;
  Child first(example("example-minimal-cpp"), {"clock", "clock.*", "2"}, on(hub));
  first.wait_for_errors("ready");
  Child second(example("example-minimal-cpp"), {"clock", "clock.*", "5"}, on(hub));
  second.wait_for_errors("ready");
  tick(hub, "2");
  CHECK(first.wait() == ExitStatus{0, 0});
  tick(hub, "3");
  CHECK(second.wait() == ExitStatus{0, 0});
  CHECK(lines_with(first.output(), "{\"n\":") == 2);
  CHECK(lines_with(second.output(), "{\"n\":") == 5);
  CHECK(lines_with(first.errors(), "set-up") == 1);
  CHECK(lines_with(first.errors(), "clean-up") == 0);
  CHECK(lines_with(second.errors(), "set-up") == 0);
  CHECK(lines_with(second.errors(), "clean-up") == 1);
}

// A consumer that is hosted in a loop: three ticks, the second and third of another hub.
void survives_the_hub(const std::string& program) {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  Child consumer(example(program), {"clock.tick", "3"}, on(*hub));
  consumer.wait_for_errors("ready");
  tick(*hub, "1");
  consumer.wait_for_output("\"n\":1,");
  hub->kill();
  // The descriptor stays silent until there is a hub, so that only the deadline leads to it.
  consumer.wait_for_errors("the hub is gone");
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  consumer.wait_for_errors("connected again");
  tick(*hub, "2");
  CHECK(consumer.wait() == ExitStatus{0, 0});
  CHECK(lines_with(consumer.output(), "{\"n\":") == 3);
}

TEST_CASE("The consumer in libevent's loop lives through the end of the hub", "[libevent]") {
  survives_the_hub("example-in-libevent");
}

#ifdef BUSD_HAS_GLIB
TEST_CASE("The consumer in GLib's loop lives through the end of the hub", "[glib]") {
  survives_the_hub("example-in-glib");
}
#endif

TEST_CASE("The relay in a loop of poll publishes what it consumes", "[poll]") {
  HubProcess hub;
  Child consumer(example("example-minimal-c"), {"clock.copy", "3"}, on(hub));
  consumer.wait_for_errors("ready");
  Child relay(example("example-in-poll"), {"clock.tick", "clock.copy", "3"}, on(hub));
  relay.wait_for_errors("ready");
  tick(hub, "3");
  CHECK(relay.wait() == ExitStatus{0, 0});
  CHECK(consumer.wait() == ExitStatus{0, 0});
  CHECK(lines_with(consumer.output(), "{\"n\":") == 3);
}

TEST_CASE("The relay in a loop of poll lives through the end of the hub", "[poll]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  Child relay(example("example-in-poll"), {"clock.tick", "clock.copy", "1"}, on(*hub));
  relay.wait_for_errors("ready");
  hub->kill();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  relay.wait_for_errors("connected again");
  // The source, too.
  hub->wait_for_status([](const StatusResponse& status) { return status.sources.size() == 1; });
  Child consumer(example("example-minimal-c"), {"clock.copy", "1"}, on(*hub));
  consumer.wait_for_errors("ready");
  tick(*hub, "1");
  CHECK(relay.wait() == ExitStatus{0, 0});
  CHECK(consumer.wait() == ExitStatus{0, 0});
}

#ifdef BUSD_HAS_ASIO
TEST_CASE("The heartbeat in Asio's loop hears itself", "[asio]") {
  HubProcess hub;
  RunResult heard = run(example("example-in-asio"), {"beat", "3", "1"}, on(hub));
  INFO(heard.errors);
  CHECK(heard.status == ExitStatus{0, 0});
  CHECK(heard.output == "{\"beat\":1}\n{\"beat\":2}\n{\"beat\":3}\n");
}

TEST_CASE("The heartbeat in Asio's loop lives through the end of the hub", "[asio]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  Child heart(example("example-in-asio"), {"beat", "1000000", "1"}, on(*hub));
  heart.wait_for_output("{\"beat\":");
  hub->kill();
  heart.wait_for_errors("the hub is gone");
  size_t before = heart.output().size();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  heart.wait_for_errors("connected again");
  wait_for_more(heart, before);
}
#endif

TEST_CASE("The source in shell writes event frames that bus-publish takes", "[shell]") {
  HubProcess hub;
  Child consumer(example("example-minimal-cpp"), {"disk", "disk.*", "2"}, on(hub));
  consumer.wait_for_errors("ready");
  std::string script = std::string(BUSD_EXAMPLES_DIR) + "/load_source.sh";
  std::string pipeline = "\"$1\" 2 0.01 | \"$2\" --lines --source machine";
  RunResult published = run("/bin/sh", {"-c", pipeline, "sh", script, example("bus-publish")}, on(hub));
  INFO(published.errors);
  CHECK(published.status == ExitStatus{0, 0});
  CHECK(consumer.wait() == ExitStatus{0, 0});
  CHECK(lines_with(consumer.output(), "{\"total_kib\":") == 2);
  CHECK(hub.status().events.published == 6);
}

TEST_CASE("Each example says how it is used", "[c]") {
  std::vector<std::string> names = {"example-minimal-c", "example-minimal-cpp", "example-in-libevent",
                                    "example-in-poll"};
#ifdef BUSD_HAS_GLIB
  names.push_back("example-in-glib");
#endif
#ifdef BUSD_HAS_ASIO
  names.push_back("example-in-asio");
#endif
  for (const std::string& name : names) {
    INFO(name);
    RunResult used = run(example(name), {});
    CHECK(used.status == ExitStatus{64, 0});
    CHECK(used.errors.find("usage:") != std::string::npos);
  }
}

TEST_CASE("Without a hub, and none to be started, an example says so", "[c]") {
  TempDir directory;
  ChildOptions nowhere;
  nowhere.environment = {{"BUSD_SOCKET", directory.file("bus.sock")}, {"BUSD_NO_START", "1"}};
  RunResult refused = run(example("example-minimal-c"), {"t"}, nowhere);
  CHECK(refused.status == ExitStatus{69, 0});
  CHECK(refused.errors.find("no hub") != std::string::npos);
}

}  // namespace
}  // namespace bus::test
