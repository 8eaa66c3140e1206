// The hub's beginning and end: who may start, what it puts up and takes down, and how it goes (PROTOCOL.md
// 8).
#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) FAIL("no " << path);
  return st.st_mode;
}

ino_t inode_of(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) FAIL("no " << path);
  return st.st_ino;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string text_of(const std::string& path) {
  auto text = read_file(path, 16 * 1024 * 1024);
  return text ? *text : "";
}

RunResult run_busd(const std::vector<std::string>& arguments) { return run(busd_program(), arguments); }

// A busd that refuses to start: exit code, and a line on stderr that holds `reason`.
void expect_refusal(const std::vector<std::string>& arguments, int code, const std::string& reason) {
  RunResult result = run_busd(arguments);
  INFO("stderr: " << result.errors);
  CHECK(result.status == ExitStatus{code, 0});
  CHECK(result.errors.find(reason) != std::string::npos);
  CHECK(result.errors.starts_with("busd: "));
  CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
  CHECK(result.output.empty());
}

// A busd with a readiness descriptor of its own, which may turn out not to serve.
struct Rival {
  explicit Rival(const std::string& socket) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) FAIL("pipe failed");
    ready.reset(ends[0]);
    Fd theirs(ends[1]);
    ChildOptions options;
    options.descriptors.emplace_back(theirs.get(), 3);
    child = std::make_unique<Child>(
        busd_program(), std::vector<std::string>{"--socket", socket, "--ready-fd", "3"}, std::move(options));
  }
  Fd ready;
  std::unique_ptr<Child> child;
};

std::string event_line(const std::string& payload) {
  return R"({"type":"event","event_type":"t","payload":")" + payload + "\"}\n";
}

}  // namespace

TEST_CASE("A hub that is ready answers on a socket that nobody else can open", "[start]") {
  HubProcess hub;
  CHECK(S_ISSOCK(mode_of(hub.socket())));
  CHECK((mode_of(hub.socket()) & 07777U) == 0600);
  CHECK((mode_of(hub.directory()) & 07777U) == 0700);
  CHECK((mode_of(hub.file("bus.lock")) & 07777U) == 0600);
  CHECK(text_of(hub.file("bus.lock")) == std::to_string(hub.pid()) + "\n");
  CHECK(hub.status().pid == hub.pid());
  CHECK(hub.status().socket == hub.socket());
  hub.expect_no_descriptor_leak();
  hub.stop();
  CHECK(exists(hub.file("bus.lock")));
}

TEST_CASE("A hub creates its directory, closed to others, whatever the umask", "[start]") {
  TempDir directory;
  std::string socket = directory.file("new/deep/x.sock");
  ChildOptions options;
  options.in_child = [] { ::umask(0); };
  Child hub(busd_program(), {"--socket", socket}, std::move(options));
  hub.wait_for_errors("msg=\"serving\"");
  CHECK((mode_of(directory.file("new/deep")) & 07777U) == 0700);
  CHECK((mode_of(socket) & 07777U) == 0600);
  CHECK((mode_of(directory.file("new/deep/x.lock")) & 07777U) == 0600);
  hub.signal(SIGTERM);
  CHECK(hub.wait() == ExitStatus{0, 0});
}

TEST_CASE("A hub refuses a directory that others may write to, and leaves it as it is", "[start]") {
  TempDir directory;
  REQUIRE(::mkdir(directory.file("open").c_str(), 0700) == 0);
  REQUIRE(::chmod(directory.file("open").c_str(), 0775) == 0);
  expect_refusal({"--socket", directory.file("open/bus.sock")}, 77, "others may write to directory");
  CHECK((mode_of(directory.file("open")) & 07777U) == 0775);
  CHECK_FALSE(exists(directory.file("open/bus.lock")));
}

TEST_CASE("A hub refuses a directory that is a symlink", "[start]") {
  TempDir directory;
  REQUIRE(::mkdir(directory.file("real").c_str(), 0700) == 0);
  REQUIRE(::symlink("real", directory.file("link").c_str()) == 0);
  expect_refusal({"--socket", directory.file("link/bus.sock")}, 77, "is a symlink");
  CHECK_FALSE(exists(directory.file("real/bus.lock")));
}

TEST_CASE("A socket path of 108 bytes is refused with the limit, one of 107 is served", "[start]") {
  TempDir directory;
  std::string longest = directory.file(std::string(107 - directory.path().size() - 1, 'x'));
  REQUIRE(longest.size() == 107);
  expect_refusal({"--socket", longest + "x"}, 64, "the limit is 107");
  Child hub(busd_program(), {"--socket", longest});
  hub.wait_for_errors("msg=\"serving\"");
  CHECK(query_status(longest).pid == hub.pid());
  hub.signal(SIGTERM);
  CHECK(hub.wait() == ExitStatus{0, 0});
}

TEST_CASE("A hub whose stderr is a full disk serves all the same", "[start]") {
  ChildOptions options;
  options.stderr_path = "/dev/full";
  HubProcess hub({"--log-level", "debug"}, std::move(options));
  RawClient client(hub.socket());
  CHECK(client.hello("k").first_for_key);
  client.close();
  hub.stop();
}

TEST_CASE("A socket that a killed hub left behind is taken over", "[takeover]") {
  TempDir directory;
  HubProcess first(directory, {});
  ino_t lock = inode_of(directory.file("bus.lock"));
  first.kill();
  REQUIRE(exists(first.socket()));
  HubProcess second(directory, {});
  CHECK(second.status().pid == second.pid());
  CHECK(inode_of(directory.file("bus.lock")) == lock);
  second.stop();
}

TEST_CASE("What is not a socket at the socket's path stays untouched, and the hub refuses to start",
          "[takeover]") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  SECTION("a regular file") {
    put(socket, "precious");
    expect_refusal({"--socket", socket}, 77, "is not a socket");
    CHECK(text_of(socket) == "precious");
  }
  SECTION("a symlink to a socket") {
    auto other = listen_unix(directory.file("other"), 1);
    REQUIRE(other);
    REQUIRE(::symlink("other", socket.c_str()) == 0);
    expect_refusal({"--socket", socket}, 77, "is not a socket");
    CHECK(S_ISLNK(mode_of(socket)));
    CHECK(exists(directory.file("other")));
  }
  SECTION("a directory") {
    REQUIRE(::mkdir(socket.c_str(), 0700) == 0);
    expect_refusal({"--socket", socket}, 77, "is not a socket");
    CHECK(S_ISDIR(mode_of(socket)));
  }
}

TEST_CASE("A symlink at the lock's or the log's path is refused and not followed", "[takeover]") {
  TempDir directory;
  put(directory.file("precious"), "precious");
  SECTION("lock") {
    REQUIRE(::symlink("precious", directory.file("bus.lock").c_str()) == 0);
    expect_refusal({"--socket", directory.file("bus.sock")}, 77, "is a symlink");
  }
  SECTION("log") {
    REQUIRE(::symlink("precious", directory.file("bus.log").c_str()) == 0);
    expect_refusal({"--socket", directory.file("bus.sock"), "--log-file", directory.file("bus.log")}, 77,
                   "is a symlink");
  }
  CHECK(text_of(directory.file("precious")) == "precious");
  CHECK_FALSE(exists(directory.file("bus.sock")));
}

TEST_CASE("A hub does not take down a socket that somebody else has put in place of its own", "[takeover]") {
  HubProcess hub;
  REQUIRE(::unlink(hub.socket().c_str()) == 0);
  auto other = listen_unix(hub.socket(), 1);
  REQUIRE(other);
  ino_t theirs = inode_of(hub.socket());
  ::kill(hub.pid(), SIGTERM);
  hub.wait_for_log("msg=\"stopped\"");
  CHECK(inode_of(hub.socket()) == theirs);
  ::unlink(hub.socket().c_str());
  hub.expect_clean_exit();
}

TEST_CASE("A second daemon says who serves, counts as ready, and exits 0", "[rivals]") {
  HubProcess hub;
  Rival second(hub.socket());
  CHECK(second.child->wait() == ExitStatus{0, 0});
  CHECK(second.child->errors() ==
        "busd: pid " + std::to_string(hub.pid()) + " serves " + hub.socket() + "\n");
  CHECK(read_descriptor_line(second.ready.get()) == "ready");
  hub.stop();
}

TEST_CASE("A second daemon serves when the first one ends while it waits", "[rivals]") {
  TempDir directory;
  auto first = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  std::string socket = first->socket();
  Rival second(socket);
  first->stop();
  CHECK(read_descriptor_line(second.ready.get()) == "ready");
  CHECK(query_status(socket).pid == second.child->pid());
  second.child->signal(SIGTERM);
  CHECK(second.child->wait() == ExitStatus{0, 0});
}

TEST_CASE("A hub that holds the lock and does not answer is named by the second, which exits 75",
          "[rivals]") {
  HubProcess hub;
  hub.pause();
  Rival second(hub.socket());
  CHECK(second.child->wait() == ExitStatus{75, 0});
  std::string reason = read_descriptor_line(second.ready.get());
  CHECK(reason + "\n" == second.child->errors());
  CHECK(reason.starts_with("busd: pid " + std::to_string(hub.pid()) + " holds "));
  CHECK(reason.find("does not answer") != std::string::npos);
  hub.resume();
  hub.stop();
}

TEST_CASE("Of fifty daemons started at once one serves, and 49 exit 0 and say so", "[rivals]") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  std::vector<std::unique_ptr<Rival>> all;
  for (int i = 0; i < 50; ++i) all.push_back(std::make_unique<Rival>(socket));
  for (auto& each : all) CHECK(read_descriptor_line(each->ready.get(), seconds(30)) == "ready");
  pid_t serving = static_cast<pid_t>(query_status(socket).pid);
  int yielded = 0;
  for (auto& each : all) {
    if (each->child->pid() == serving) continue;
    CHECK(each->child->wait() == ExitStatus{0, 0});
    CHECK(each->child->errors() == "busd: pid " + std::to_string(serving) + " serves " + socket + "\n");
    ++yielded;
  }
  CHECK(yielded == 49);
  CHECK(query_status(socket).pid == serving);
  ::kill(serving, SIGTERM);
  for (auto& each : all) CHECK(each->child->wait() == ExitStatus{0, 0});
  CHECK_FALSE(exists(socket));
}

TEST_CASE("SIGTERM, SIGINT and the shutdown message all write what is queued, and end with 0", "[stop]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  RawClient source(hub.socket());
  // More than a socket takes: some of it is in the hub's queue when the end comes.
  std::string payload(10'000, 'x');
  for (int i = 0; i < 200; ++i) source.send(event_line(payload));
  source.round_trip();
  REQUIRE(hub.status().consumers.at(0).queued > 0);

  SECTION("SIGTERM") { ::kill(hub.pid(), SIGTERM); }
  SECTION("SIGINT") { ::kill(hub.pid(), SIGINT); }
  SECTION("shutdown") {
    RawClient client(hub.socket());
    client.send_line(R"({"type":"shutdown"})");
    client.expect_eof();
  }
  for (uint64_t seq = 1; seq <= 200; ++seq) CHECK(consumer.read_as<Event>().seq == seq);
  consumer.expect_eof();
  source.expect_eof();
  hub.expect_clean_exit();
}

TEST_CASE("A consumer that does not read cannot keep the hub from ending", "[stop]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"t"});
  RawClient source(hub.socket());
  for (int i = 0; i < 100; ++i) source.send(event_line(std::string(10'000, 'x')));
  source.round_trip();
  hub.stop();
}

TEST_CASE("Input that a stopping hub leaves unread ends in a reset, not as if it had been processed",
          "[stop]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.hello("k", {"t"});
  // Its own events fill its queue, so that the hub has a reason to keep the connection while it stops.
  for (int i = 0; i < 200; ++i) client.send(event_line(std::string(10'000, 'x')));
  REQUIRE(hub.wait_for_status([](const StatusResponse& status) { return status.events.published == 200; })
              .consumers.at(0)
              .queued > 0);
  ::kill(hub.pid(), SIGTERM);
  hub.wait_for_log("msg=\"stopping\"");
  client.send(event_line("too late"));
  client.expect_reset();
  hub.expect_clean_exit();
}

TEST_CASE("SIGHUP opens the log file anew after somebody has moved it", "[stop]") {
  TempDir directory;
  std::string log = directory.file("hub.log");
  HubProcess hub(directory, {"--log-file", log});
  CHECK(text_of(log).find("msg=\"serving\"") != std::string::npos);
  CHECK(text_of(log).starts_with("time=2"));
  REQUIRE(::rename(log.c_str(), (log + ".old").c_str()) == 0);
  ::kill(hub.pid(), SIGHUP);
  hub.wait_for_status([&](const StatusResponse&) { return exists(log); });
  hub.stop();
  CHECK(text_of(log).find("msg=\"stopped\"") != std::string::npos);
  CHECK(text_of(log + ".old").find("msg=\"stopped\"") == std::string::npos);
}

TEST_CASE("A hub that nobody uses exits after --idle-exit, and takes its socket with it", "[idle]") {
  HubProcess hub({"--idle-exit", "200ms"});
  hub.expect_clean_exit();
  CHECK(hub.log().find("reason=\"idle\"") != std::string::npos);
}

TEST_CASE("A consumer keeps the hub from idle exit; status queries do not", "[idle]") {
  HubProcess hub({"--idle-exit", "300ms"});
  RawClient consumer(hub.socket());
  consumer.hello("k");
  hub.wait_for_status([](const StatusResponse& status) { return status.uptime_sec >= 2; });
  consumer.close();
  // Status queries all the while: they must not count as use.
  TimePoint deadline = now() + kPatience;
  while (hub.running()) {
    if (now() >= deadline) FAIL("status queries keep the hub alive");
    auto connection = connect_unix(hub.socket(), kPatience);
    if (!connection) continue;
    RawClient asking(std::move(*connection));
    asking.send_line(R"({"type":"status_query"})");
    asking.expect_end();
  }
  hub.expect_clean_exit();
}

TEST_CASE("A connection in its handshake counts as use until its time is up", "[idle]") {
  HubProcess hub({"--idle-exit", "300ms"});
  RawClient silent(hub.socket());
  auto error = silent.read_as<ErrorMessage>();
  CHECK(error.code == ErrorCode::timeout);
  silent.expect_eof();
  hub.expect_clean_exit();
}

TEST_CASE("Whoever waits for a hub learns also that its command line makes no sense", "[start]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd ready(ends[0]);
  Fd theirs(ends[1]);
  ChildOptions options;
  options.descriptors.emplace_back(theirs.get(), 3);
  Child child(busd_program(), {"--no-such-option", "--ready-fd", "3"}, std::move(options));
  theirs.reset();
  CHECK(read_descriptor_line(ready.get()).find("--no-such-option") != std::string::npos);
  CHECK(child.wait() == ExitStatus{64, 0});
}

TEST_CASE("A hub that was started without stdio serves, and its log reaches no client", "[start]") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  ChildOptions options;
  options.in_child = [] { ::close_range(0, 2, 0); };
  HubProcess hub(directory, {"--log-level", "debug"}, std::move(options));
  RawClient client(hub.socket());
  client.send_line(hello_line("k"));
  CHECK(client.read_line().starts_with(R"({"type":"hello_ack")"));
  client.round_trip();
  CHECK(client.quiet());
  client.close();
  hub.stop();
}
