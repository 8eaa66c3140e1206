// A hub that a service manager starts: the test plays the manager. It opens the socket and passes it on,
// reads what the hub tells, and kills one that tells nothing.
//
// What a descriptor or a variable must be is in tests/unit/hub; a real systemd runs the units in
// tests/install/systemd_boot.
#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/file.h"
#include "protocol/base/unix_socket.h"
#include "tests/integration/stranger.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/notify_socket.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

using Words = std::vector<std::string>;

bool is_socket(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode);
}

ino_t inode_of(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) FAIL("no " << path);
  return st.st_ino;
}

// Runs busd with LISTEN_PID and WATCHDOG_PID its own, which only the process itself can know.
constexpr const char* kAsService =
    "export LISTEN_PID=$$\n"
    "[ -z \"$WATCHDOG_USEC\" ] || export WATCHDOG_PID=$$\n"
    "exec \"$0\" \"$@\"";

// A service manager with one socket and one service.
struct Manager {
  Manager() : Manager(0755) {}
  explicit Manager(mode_t directory_mode) {
    REQUIRE(::mkdir(directory().c_str(), 0700) == 0);
    REQUIRE(::chmod(directory().c_str(), directory_mode) == 0);
    listen();
  }

  std::string directory() const { return dir.file("run"); }
  std::string socket() const { return directory() + "/bus.sock"; }
  void listen() {
    auto made = listen_unix(socket(), kBacklog);
    REQUIRE(made);
    listening = std::move(*made);
  }

  // Starts busd with the socket passed to it; `environment` beside or instead of what that needs.
  Child start(const Words& more = {}, ChildOptions options = {}) const {
    Words words = {"-c", kAsService, busd_program(), "--socket", told};
    words.insert(words.end(), more.begin(), more.end());
    options.environment.insert(options.environment.begin(),
                               {{"LISTEN_FDS", "1"}, {"NOTIFY_SOCKET", notify.name()}});
    options.descriptors.emplace_back(listening.get(), 3);
    return Child("sh", words, std::move(options));
  }
  // The same, and waits until it says that it is ready.
  Child start_ready(const Words& more = {}, ChildOptions options = {}) {
    Child hub = start(more, std::move(options));
    notify.await("READY=1\n");
    return hub;
  }

  // Until somebody waits at the socket that nobody serves.
  void await_client() const {
    pollfd waiting{listening.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, static_cast<int>(to_ms(kPatience))) == 1);
  }

  static constexpr int kBacklog = 128;
  TempDir dir;
  NotifySocket notify{dir.file("notify")};
  std::string told = socket();  // --socket of the hub
  Fd listening;
};

void stop(Child& hub) {
  hub.signal(SIGTERM);
  CHECK(hub.wait() == ExitStatus{0, 0});
}

// A hub that ends by itself with one line on stderr; returns the line without its "busd: ".
std::string refusal_of(Child hub, int code) {
  CHECK(hub.wait() == ExitStatus{code, 0});
  std::string line = hub.errors();
  INFO("stderr: " << line);
  CHECK(hub.output().empty());
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  REQUIRE(line.starts_with("busd: "));
  return line.substr(6, line.size() - 7);
}

ChildOptions with(const std::string& name, const std::string& value) {
  ChildOptions options;
  options.environment.emplace_back(name, value);
  return options;
}

// A program of the SDK that finds the bus by its variable, and that could start no hub of its own.
ChildOptions client_of(const Manager& manager) {
  ChildOptions options = with("BUSD_SOCKET", manager.socket());
  options.environment.emplace_back("BUSD_PROGRAM", "/bin/false");
  return options;
}

std::string program(const char* name) { return std::string(BUSD_BIN_DIR) + "/" + name; }

}  // namespace

TEST_CASE("A hub says what keeps those that it admits from a socket that was passed", "[passed]") {
  Manager manager;
  REQUIRE(::chmod(manager.dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(manager.socket().c_str(), 0600) == 0);
  {
    Child hub = manager.start_ready({"--allow-uid", "4711"});
    CHECK(hub.errors().find("they may not open the socket that was passed, \\\"" + manager.socket() +
                            "\\\" (mode 0600): set SocketMode= in its unit") != std::string::npos);
    stop(hub);
  }
  REQUIRE(::chmod(manager.socket().c_str(), 0666) == 0);
  Child hub = manager.start_ready({"--allow-uid", "4711"});
  CHECK(hub.errors().find("may not") == std::string::npos);
  stop(hub);
}

TEST_CASE("A passed socket is served in a directory that others may enter, and who came before is served too",
          "[passed]") {
  Manager manager;
  RawClient early(manager.socket());
  early.send_line(hello_line("k"));
  Child hub = manager.start_ready();
  CHECK(early.read_as<HelloAck>().first_for_key);
  StatusResponse status = query_status(manager.socket());
  CHECK(status.pid == hub.pid());
  CHECK(status.socket == manager.socket());
  auto lock = read_file(manager.directory() + "/bus.lock", 100);
  REQUIRE(lock);
  CHECK(*lock == std::to_string(hub.pid()) + "\n");
  early.close();
  stop(hub);
}

TEST_CASE("A passed socket stays as it is when its hub goes, and who comes then waits for the next hub",
          "[passed]") {
  Manager manager;
  ino_t socket = inode_of(manager.socket());
  Child first = manager.start_ready();
  SECTION("stopped") { first.signal(SIGTERM); }
  SECTION("asked to") {
    RawClient client(manager.socket());
    client.send_line(R"({"type":"shutdown"})");
    client.expect_eof();
  }
  CHECK(first.wait() == ExitStatus{0, 0});
  CHECK(is_socket(manager.socket()));
  CHECK(inode_of(manager.socket()) == socket);
  RawClient between(manager.socket());
  between.send_line(hello_line("k"));
  manager.await_client();
  CHECK(between.quiet());
  Child second = manager.start_ready();
  CHECK(between.read_as<HelloAck>().first_for_key);
  stop(second);
  CHECK(inode_of(manager.socket()) == socket);
}

TEST_CASE("A hub with a passed socket goes when nobody uses it, and leaves the socket", "[passed]") {
  Manager manager;
  Child hub = manager.start_ready({"--idle-exit", "100ms"});
  CHECK(hub.wait() == ExitStatus{0, 0});
  CHECK(manager.notify.await("STOPPING=1\n") == "STOPPING=1\nSTATUS=stopping: idle\n");
  CHECK(is_socket(manager.socket()));
}

TEST_CASE("Who asks the kernel who listens at a passed socket hears of the hub", "[passed]") {
  Manager manager;
  Child hub = manager.start_ready();
  auto connected = connect_unix(manager.socket(), kPatience);
  REQUIRE(connected);
  auto listener = peer_credentials(connected->get());
  REQUIRE(listener);
  CHECK(listener->pid == hub.pid());
  RunResult health = run(program("bus-status"), {"--check"}, client_of(manager));
  CHECK(health.status == ExitStatus{0, 0});
  stop(hub);
}

TEST_CASE("A socket that was passed to another process is not touched", "[passed]") {
  Manager manager;
  ChildOptions options = with("LISTEN_PID", "1");
  options.environment.emplace_back("LISTEN_FDS", "1");
  options.environment.emplace_back("NOTIFY_SOCKET", manager.notify.name());
  options.descriptors.emplace_back(manager.listening.get(), 3);
  TempDir own;
  Child hub(busd_program(), {"--socket", own.file("own.sock")}, std::move(options));
  manager.notify.await("READY=1\n");
  CHECK(query_status(own.file("own.sock")).pid == hub.pid());
  RawClient unheard(manager.socket());
  manager.await_client();
  stop(hub);
  CHECK_FALSE(is_socket(own.file("own.sock")));
  CHECK(is_socket(manager.socket()));
}

TEST_CASE("A hub that would serve another socket than the one that was passed refuses", "[refused]") {
  Manager manager;
  SECTION("two sockets") {
    CHECK(
        refusal_of(manager.start({}, with("LISTEN_FDS", "2")), 64).starts_with("2 descriptors were passed"));
  }
  SECTION("another path") {
    manager.told = manager.directory() + "/other.sock";
    CHECK(refusal_of(manager.start(), 64) == "the passed descriptor 3 listens at \"" + manager.socket() +
                                                 "\", but the hub is to serve \"" + manager.told +
                                                 "\": give both the same path (--socket, ListenStream=)");
  }
  SECTION("a path that only a default names") {
    ChildOptions options;
    options.environment.emplace_back("LISTEN_FDS", "1");
    options.environment.emplace_back("XDG_RUNTIME_DIR", manager.dir.path());
    options.descriptors.emplace_back(manager.listening.get(), 3);
    std::string reason = refusal_of(Child("sh", {"-c", kAsService, busd_program()}, std::move(options)), 64);
    CHECK(reason == "the passed descriptor 3 listens at \"" + manager.socket() +
                        "\", but the hub is to serve \"" + manager.dir.file("busd/bus.sock") +
                        "\": give both the same path (--socket, ListenStream=)");
    CHECK_FALSE(is_socket(manager.dir.file("busd/bus.sock")));
  }
  SECTION("no socket at all") {
    ChildOptions options;
    options.environment.emplace_back("LISTEN_FDS", "1");
    Child hub("sh", {"-c", kAsService, busd_program(), "--socket", manager.socket()}, std::move(options));
    CHECK(refusal_of(std::move(hub), 64) == "the passed descriptor 3 is not open");
  }
  SECTION("in the background") {
    CHECK(refusal_of(manager.start({"--detach"}), 64).find("--detach") != std::string::npos);
  }
  SECTION("as the descriptor of --ready-fd") {
    CHECK(refusal_of(manager.start({"--ready-fd", "3"}), 64).starts_with("--ready-fd 3 is the socket"));
  }
  CHECK(is_socket(manager.socket()));
  auto lock = read_file(manager.directory() + "/bus.lock", 100);
  CHECK_FALSE(lock);
}

TEST_CASE("Whoever waits at --ready-fd learns what is wrong with what was passed", "[refused]") {
  Manager manager;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd ready(ends[0]);
  Fd theirs(ends[1]);
  ChildOptions options = with("LISTEN_FDS", "7");
  options.descriptors.emplace_back(theirs.get(), 9);
  Child hub = manager.start({"--ready-fd", "9"}, std::move(options));
  theirs.reset();
  CHECK(read_descriptor_line(ready.get()).starts_with("busd: 7 descriptors were passed"));
  CHECK(hub.wait() == ExitStatus{64, 0});
}

TEST_CASE("Variables of a manager that make no sense are refused before anything is opened", "[refused]") {
  Manager manager;
  CHECK(refusal_of(manager.start({}, with("NOTIFY_SOCKET", "notify")), 64).starts_with("NOTIFY_SOCKET"));
  CHECK(refusal_of(manager.start({}, with("WATCHDOG_USEC", "soon")), 64).starts_with("WATCHDOG_USEC"));
  auto lock = read_file(manager.directory() + "/bus.lock", 100);
  CHECK_FALSE(lock);
}

TEST_CASE("A directory where others may write is refused, though the socket was passed", "[refused]") {
  Manager manager(0777);
  CHECK(refusal_of(manager.start(), 77).find("others may write to directory") == 0);
  CHECK(is_socket(manager.socket()));
}

TEST_CASE("A hub that cannot keep its lock beside the passed socket says what its unit lacks", "[refused]") {
  if (!can_be_another()) return;
  Manager manager;
  REQUIRE(::chmod(manager.dir.path().c_str(), 0755) == 0);
  ChildOptions options;
  options.in_child = [] {
    if (!become(kStranger)) ::_exit(1);
  };
  // A build that counts lines would say on stderr that a stranger may not write its file.
  options.environment.emplace_back("LLVM_PROFILE_FILE", "/dev/null");
  SECTION("in a directory of root") {
    std::string reason = refusal_of(manager.start({}, std::move(options)), 77);
    CHECK(reason.starts_with("open \"" + manager.directory() + "/bus.lock\": Permission denied; "));
    CHECK(reason.ends_with("(RuntimeDirectory= of its unit)"));
  }
  SECTION("in a directory of somebody else") {
    REQUIRE(::chown(manager.directory().c_str(), kOtherStranger, kOtherStranger) == 0);
    CHECK(refusal_of(manager.start({}, std::move(options)), 77).find("belongs to uid 65533, neither to us") !=
          std::string::npos);
  }
}

TEST_CASE("A passed socket whose lock another hub holds is not served, and the holder is not asked at it",
          "[rival]") {
  TempDir dir;
  HubProcess old(dir, {});
  // A hub that runs would see that its socket was replaced, and hand over.
  old.pause();
  // What systemd does at the path of its socket when something stands there.
  REQUIRE(::rename((dir.path() + "/bus.sock").c_str(), dir.file("moved.sock").c_str()) == 0);
  auto listening = listen_unix(dir.file("bus.sock"), 8);
  REQUIRE(listening);
  ChildOptions options;
  options.environment.emplace_back("LISTEN_FDS", "1");
  options.descriptors.emplace_back(listening->get(), 3);
  Child hub("sh", {"-c", kAsService, busd_program(), "--socket", dir.file("bus.sock")}, std::move(options));
  std::string reason = refusal_of(std::move(hub), 75);
  CHECK(reason.find("is held by another process, which serves a socket that stood at") != std::string::npos);
  // Nobody has connected.
  CHECK_FALSE(Fd(::accept(listening->get(), nullptr, nullptr)));
  REQUIRE(::rename(dir.file("moved.sock").c_str(), (dir.path() + "/bus.sock").c_str()) == 0);
  old.resume();
  old.stop();
}

TEST_CASE("A hub hands over to the one that a manager starts at a socket in the place of its own",
          "[rival]") {
  Manager manager(0700);
  manager.listening.reset();
  REQUIRE(::unlink(manager.socket().c_str()) == 0);
  Child old(busd_program(), {"--socket", manager.socket()});
  old.wait_for_errors("msg=\"serving\"");
  REQUIRE(::unlink(manager.socket().c_str()) == 0);
  manager.listen();
  Child hub = manager.start_ready();
  CHECK(old.wait() == ExitStatus{0, 0});
  CHECK(old.errors().find("handing over") != std::string::npos);
  stop(hub);
}

TEST_CASE("A hub by hand yields to the one that a manager starts because it has knocked", "[rival]") {
  Manager manager(0700);
  ino_t socket = inode_of(manager.socket());
  Child by_hand(busd_program(), {"--socket", manager.socket()});
  manager.await_client();
  Child hub = manager.start_ready();
  CHECK(by_hand.wait() == ExitStatus{0, 0});
  CHECK(by_hand.errors() == "busd: pid " + std::to_string(hub.pid()) + " serves " + manager.socket() + "\n");
  CHECK(inode_of(manager.socket()) == socket);
  stop(hub);
}

TEST_CASE("A hub by hand leaves a socket to whoever listens there and says nothing", "[rival]") {
  Manager manager(0700);
  ino_t socket = inode_of(manager.socket());
  Child by_hand(busd_program(), {"--socket", manager.socket()});
  std::string reason = refusal_of(std::move(by_hand), 75);
  CHECK(reason.starts_with("somebody listens at \"" + manager.socket() +
                           "\" without holding its lock, and does not answer"));
  CHECK(inode_of(manager.socket()) == socket);
}

TEST_CASE("A manager is told of readiness, reloading and the end", "[notify]") {
  Manager manager;
  std::string log = manager.dir.file("hub.log");
  Child hub = manager.start({"--log-file", log});
  CHECK(manager.notify.take(kPatience) == "READY=1\nSTATUS=0 consumers, 0 sources, 0 events dropped\n");
  REQUIRE(::rename(log.c_str(), (log + ".old").c_str()) == 0);
  auto before = std::chrono::duration_cast<std::chrono::microseconds>(now().time_since_epoch()).count();
  hub.signal(SIGHUP);
  std::string reload = manager.notify.take(kPatience);
  const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(reload.starts_with(start));
  CHECK(std::stoll(reload.substr(start.size())) >= before);
  CHECK(manager.notify.take(kPatience).starts_with("READY=1\n"));
  CHECK(read_file(log, 100'000));
  hub.signal(SIGTERM);
  CHECK(manager.notify.take(kPatience) == "STOPPING=1\nSTATUS=stopping: SIGTERM\n");
  CHECK(hub.wait() == ExitStatus{0, 0});
}

TEST_CASE("A manager may listen at an abstract name", "[notify]") {
  Manager manager;
  NotifySocket abstract("@" + manager.dir.path());
  Child hub = manager.start({}, with("NOTIFY_SOCKET", abstract.name()));
  CHECK(abstract.take(kPatience).starts_with("READY=1\n"));
  stop(hub);
}

TEST_CASE("The status counts consumers, sources and lost events", "[notify]") {
  Manager manager;
  Child hub = manager.start_ready({"--queue-frames", "1"});
  RawClient consumer(manager.socket());
  consumer.set_receive_buffer(4096);
  consumer.hello("k", {"t"});
  manager.notify.await("STATUS=1 consumer, 0 sources, 0 events dropped\n");
  RawClient source(manager.socket());
  std::string event = R"({"type":"event","event_type":"t","payload":")" + std::string(100'000, 'x') + "\"}\n";
  for (int i = 0; i < 100; ++i) source.send(event);
  source.round_trip();
  uint64_t dropped = query_status(manager.socket()).events.dropped;
  REQUIRE(dropped > 1);
  manager.notify.await("STATUS=1 consumer, 1 source, " + std::to_string(dropped) + " events dropped\n");
  source.close();
  consumer.close();
  manager.notify.await("STATUS=0 consumers, 0 sources, " + std::to_string(dropped) + " events dropped\n");
  stop(hub);
}

TEST_CASE("A status that changes all the time is told once a second", "[notify]") {
  Manager manager;
  Child hub = manager.start_ready();
  TimePoint start = now();
  std::vector<RawClient> consumers;
  for (int i = 0; i < 50; ++i) {
    consumers.emplace_back(manager.socket());
    consumers.back().hello("k" + std::to_string(i));
  }
  int told = 0;
  std::string last;
  while (!last.starts_with("STATUS=50 consumers,")) {
    last = manager.notify.await("STATUS=");
    ++told;
  }
  CHECK(told <= to_ms(now() - start) / 1000 + 1);
  consumers.clear();
  stop(hub);
}

TEST_CASE("A manager that reads nothing holds nobody up, and is told when it reads again", "[notify]") {
  Manager manager;
  manager.notify.fill();
  Child hub = manager.start();
  RawClient client(manager.socket());
  CHECK(client.hello("k").first_for_key);
  hub.signal(SIGHUP);
  client.round_trip();
  manager.notify.drain_stuffing();
  CHECK(manager.notify.await("READY=1\n").starts_with("READY=1\nSTATUS="));
  client.close();
  manager.notify.fill();
  stop(hub);
}

TEST_CASE("A hub outlives its manager", "[notify]") {
  Manager manager;
  Child hub = manager.start_ready({}, with("WATCHDOG_USEC", "20000"));
  manager.notify.await("WATCHDOG=1\n");
  REQUIRE(::unlink(manager.notify.name().c_str()) == 0);
  RawClient client(manager.socket());
  CHECK(client.hello("k").first_for_key);
  hub.wait_for_errors("msg=\"the service manager cannot be told\"");
  client.round_trip();
  client.close();
  stop(hub);
}

TEST_CASE("Signs of life come at half of the time that the watchdog waits", "[watchdog]") {
  Manager manager;
  Child hub = manager.start_ready({}, with("WATCHDOG_USEC", "400000"));
  CHECK(manager.notify.take(kPatience) == "WATCHDOG=1\n");
  TimePoint start = now();
  for (int i = 0; i < 4; ++i) CHECK(manager.notify.take(kPatience) == "WATCHDOG=1\n");
  CHECK(now() - start >= milliseconds(3 * 200));
  stop(hub);
}

TEST_CASE("A watchdog that waits for another process gets nothing", "[watchdog]") {
  Manager manager;
  ChildOptions options = with("WATCHDOG_USEC", "1000");
  options.environment.emplace_back("WATCHDOG_PID", "1");
  options.environment.emplace_back("NOTIFY_SOCKET", manager.notify.name());
  TempDir own;
  Child hub(busd_program(), {"--socket", own.file("bus.sock")}, std::move(options));
  CHECK(manager.notify.take(kPatience).starts_with("READY=1\n"));
  // Many of its intervals later.
  for (int i = 0; i < 50; ++i) query_status(own.file("bus.sock"));
  hub.signal(SIGTERM);
  CHECK(manager.notify.take(kPatience).starts_with("STOPPING=1\n"));
  CHECK(hub.wait() == ExitStatus{0, 0});
}

TEST_CASE("A hub that hangs is silent; killed for it, it is followed by one that serves who waits",
          "[watchdog]") {
  Manager manager;
  constexpr Duration kWatchdog = milliseconds(400);
  auto start = [&] { return std::make_unique<Child>(manager.start({}, with("WATCHDOG_USEC", "400000"))); };
  auto hub = start();
  manager.notify.await("READY=1\n");
  for (int i = 0; i < 3; ++i) CHECK(manager.notify.take(kPatience) == "WATCHDOG=1\n");
  hub->signal(SIGSTOP);
  wait_for_state(hub->pid(), 'T');
  RawClient waiting(manager.socket());
  waiting.send_line(hello_line("k"));
  // What it had sent before.
  TimePoint deadline = now() + kPatience;
  while (!manager.notify.take(kWatchdog).empty()) REQUIRE(now() < deadline);
  hub->signal(SIGKILL);
  CHECK(hub->wait().signal == SIGKILL);
  hub = start();
  CHECK(waiting.read_as<HelloAck>().first_for_key);
  manager.notify.await("READY=1\n");
  waiting.close();
  stop(*hub);
}

TEST_CASE("A program waits for the hub that a manager is about to start, and starts none", "[clients]") {
  Manager manager(0700);
  Child publisher(program("bus-publish"), {"t", "1"}, client_of(manager));
  manager.await_client();
  CHECK(publisher.running());
  Child hub = manager.start_ready();
  CHECK(publisher.wait() == ExitStatus{0, 0});
  CHECK(publisher.errors().empty());
  CHECK(query_status(manager.socket()).events.published == 1);
  stop(hub);
}

TEST_CASE("bus-stop stops a hub with a passed socket, by force too when it hangs", "[clients]") {
  Manager manager(0700);
  Child hub = manager.start_ready();
  SECTION("asked") {
    CHECK(run(program("bus-stop"), {}, client_of(manager)).status == ExitStatus{0, 0});
    CHECK(hub.wait() == ExitStatus{0, 0});
  }
  SECTION("killed") {
    hub.signal(SIGSTOP);
    wait_for_state(hub.pid(), 'T');
    CHECK(run(program("bus-stop"), {"--force", "--timeout", "100ms"}, client_of(manager)).status ==
          ExitStatus{0, 0});
    CHECK(hub.wait().signal == SIGKILL);
  }
  CHECK(is_socket(manager.socket()));
}

TEST_CASE("In the directory of another user no program starts a hub, and none is ended by its absence",
          "[clients]") {
  if (!can_be_another()) return;
  Manager manager;
  REQUIRE(::chown(manager.directory().c_str(), kStranger, kStranger) == 0);
  REQUIRE(::unlink(manager.socket().c_str()) == 0);
  RunResult result = run(program("bus-publish"), {"t", "1"}, client_of(manager));
  CHECK(result.status == ExitStatus{69, 0});
  CHECK(result.errors == "bus-publish: no hub runs: connect to \"" + manager.socket() +
                             "\": No such file or directory (the path is from $BUSD_SOCKET); only the owner "
                             "of the directory \"" +
                             manager.directory() + "\" can start a hub there\n");
}
