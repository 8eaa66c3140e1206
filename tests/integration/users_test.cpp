// More than one user on a machine: hubs of others, credentials that change, strangers in numbers, directories
// that are somebody else's, and sockets that are swapped under a hub.
//
// Who is admitted by which option stands in identity_test.cpp; a hub's own directory in lifecycle_test.cpp.
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/file.h"
#include "protocol/base/unix_socket.h"
#include "tests/integration/golden.h"
#include "tests/integration/stranger.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;

namespace {

std::string denial_of(uid_t uid) {
  return R"({"type":"error","code":"denied","message":"uid )" + std::to_string(uid) +
         " may not use the hub at ";
}

// Skips where the build directory is closed to others.
bool can_run_as_stranger() {
  if (!can_be_another()) return false;
  Forked looks([](const Forked::Tell& tell) {
    tell(become(kStranger) && ::access(busd_program().c_str(), X_OK) == 0 ? "yes" : "no");
  });
  if (looks.read_line() == "yes") return true;
  WARN("skipped: other users cannot run " << busd_program());
  return false;
}

ChildOptions as_stranger() {
  ChildOptions options;
  options.in_child = [] {
    if (!become(kStranger)) ::_exit(1);
  };
  return options;
}

void expect_refusal(const std::string& socket, const std::string& reason, ChildOptions options = {}) {
  RunResult result = run(busd_program(), {"--socket", socket}, std::move(options));
  INFO("stderr: " << result.errors);
  CHECK(result.status == ExitStatus{77, 0});
  CHECK(result.errors.starts_with("busd: "));
  CHECK(result.errors.find(reason) != std::string::npos);
}

}  // namespace

TEST_CASE("A hub of another user admits that user and root, and nobody else", "[users]") {
  if (!can_run_as_stranger()) return;
  TempDir directory;
  REQUIRE(::chown(directory.path().c_str(), kStranger, kStranger) == 0);
  HubProcess hub(directory, {}, as_stranger());
  open_to_all(hub);
  RawClient root(hub.socket());
  CHECK(root.hello("k").first_for_key);
  CHECK(answer_to_stranger(hub.socket(), {}, kStranger).starts_with(R"({"type":"hello_ack",)"));
  CHECK(answer_to_stranger(hub.socket(), {}, kOtherStranger).starts_with(denial_of(kOtherStranger)));
  StatusResponse status =
      hub.wait_for_status([](const StatusResponse& s) { return s.consumers.size() == 1; });
  CHECK(status.consumers[0].uid == 0);
  CHECK(status.connections.denied == 1);
}

TEST_CASE("Who somebody is was settled when he connected, whoever speaks later", "[users]") {
  if (!can_be_another()) return;
  HubProcess hub;
  open_to_all(hub);
  Forked root_no_more([&](const Forked::Tell& tell) {
    auto connected = connect_unix(hub.socket(), kPatience);
    if (connected && become(kStranger)) tell(answer_to_hello(*connected));
  });
  CHECK(root_no_more.read_line().starts_with(R"({"type":"hello_ack",)"));
  Forked root_again([&](const Forked::Tell& tell) {
    if (::seteuid(kStranger) != 0) return;
    auto connected = connect_unix(hub.socket(), kPatience);
    if (connected && ::seteuid(0) == 0) tell(answer_to_hello(*connected));
  });
  CHECK(root_again.read_line().starts_with(denial_of(kStranger)));
}

TEST_CASE("Others cannot even reach the socket of a hub, by its directory or by its own mode", "[users]") {
  if (!can_be_another()) return;
  HubProcess hub;
  CHECK(answer_to_stranger(hub.socket()).find("Permission denied") != std::string::npos);
  REQUIRE(::chmod(hub.directory().c_str(), 0755) == 0);
  CHECK(answer_to_stranger(hub.socket()).find("Permission denied") != std::string::npos);
  CHECK(hub.status().connections.denied == 0);
}

TEST_CASE("Nothing that a stranger sends is looked at", "[users]") {
  if (!can_be_another()) return;
  HubProcess hub;
  open_to_all(hub);
  for (const std::string& text :
       {std::string("{\"type\":\"shutdown\"}\n"), kEvent + "\n", std::string("{\n"),
        std::string("{\"type\":\"status_query\"}\n"), std::string(3'000'000, 'x')}) {
    Forked stranger([&](const Forked::Tell& tell) {
      if (!become(kStranger)) return;
      RawClient client(hub.socket());
      client.send(text);
      tell(client.read_line());
      client.expect_end();
      tell("end");
    });
    CHECK(stranger.read_line().starts_with(denial_of(kStranger)));
    CHECK(stranger.read_line() == "end");
  }
  StatusResponse status = hub.status();
  CHECK(status.connections.denied == 5);
  CHECK(status.events.published == 0);
  CHECK(status.events.refused == 0);
}

TEST_CASE("Strangers in numbers who neither read nor leave take no place and no descriptor", "[users]") {
  if (!can_be_another()) return;
  HubProcess hub({"--max-connections", "4"});
  open_to_all(hub);
  RawClient own(hub.socket());
  own.hello("k", {"x"});
  size_t descriptors = open_descriptors(hub.pid());
  Forked stranger([&](const Forked::Tell& tell) {
    if (!become(kStranger)) return;
    std::vector<RawClient> clients;
    for (int i = 0; i < 500; ++i) clients.emplace_back(hub.socket());
    tell("connected");
    wait_for_the_end();
  });
  CHECK(stranger.read_line() == "connected");
  hub.wait_for_status([&](const StatusResponse& status) {
    return status.connections.denied == 500 && open_descriptors(hub.pid()) <= descriptors + 1;
  });
  for (int i = 0; i < 3; ++i) {
    RawClient other(hub.socket());
    CHECK(other.hello("other" + std::to_string(i)).first_for_key);
    other.send_line(kEvent);
    CHECK(own.read_as<Event>().seq == static_cast<uint64_t>(i) + 1);
  }
  stranger.kill();
  own.close();
  hub.expect_no_descriptor_leak();
}

TEST_CASE("A directory that belongs to somebody else is refused, and nothing is made in it", "[users]") {
  if (!can_be_another()) return;
  TempDir directory;
  std::string theirs = directory.file("theirs");
  REQUIRE(::mkdir(theirs.c_str(), 0700) == 0);
  REQUIRE(::chown(theirs.c_str(), kStranger, kStranger) == 0);
  expect_refusal(theirs + "/bus.sock", "belongs to uid 65534, not to us (uid 0)");
  // By a way round: neither a symlink of ours nor one of theirs leads to a directory that will do.
  REQUIRE(::mkdir(directory.file("ours").c_str(), 0700) == 0);
  REQUIRE(::symlink("ours", directory.file("link").c_str()) == 0);
  REQUIRE(::lchown(directory.file("link").c_str(), kStranger, kStranger) == 0);
  expect_refusal(directory.file("link/bus.sock"), "is a symlink");
  CHECK(std::filesystem::is_empty(theirs));
  CHECK(std::filesystem::is_empty(directory.file("ours")));
}

TEST_CASE("A hub that is not root refuses a directory of root's, open or closed", "[users]") {
  if (!can_run_as_stranger()) return;
  TempDir directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  std::string theirs = directory.file("theirs");
  for (mode_t mode : {mode_t{0700}, mode_t{0777}, mode_t{01777}}) {
    std::filesystem::create_directory(theirs);
    REQUIRE(::chmod(theirs.c_str(), mode) == 0);
    expect_refusal(theirs + "/bus.sock", "belongs to uid 0, not to us (uid 65534)", as_stranger());
    CHECK(std::filesystem::is_empty(theirs));
  }
}

// What else may happen to its place, and what clients see of it, is tried in tests/cli/rendezvous.sh.
TEST_CASE("A hub whose socket is taken away puts up another one, and leaves nobody alone", "[swapped]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  REQUIRE(::rename(hub.socket().c_str(), hub.file("kept.sock").c_str()) == 0);
  hub.wait_for_log("was removed or replaced");
  RawClient source(hub.socket());
  source.send_line(kEvent);
  CHECK(consumer.read_as<Event>().seq == 1);
  RunResult second = run(busd_program(), {"--socket", hub.socket()});
  CHECK(second.status == ExitStatus{0, 0});
  CHECK(second.errors == "busd: pid " + std::to_string(hub.pid()) + " serves " + hub.socket() + "\n");
}

TEST_CASE(
    "A consumer of a hub that loses its place is told why, then everybody is closed, and the hub exits 0",
    "[swapped]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  source.send_line(kEvent);
  CHECK(consumer.read_as<Event>().seq == 1);
  REQUIRE(::unlink(hub.socket().c_str()) == 0);
  REQUIRE(::mkdir(hub.socket().c_str(), 0700) == 0);
  ErrorMessage farewell = consumer.read_as<ErrorMessage>();
  CHECK(farewell.code == ErrorCode::busy);
  CHECK(farewell.message.starts_with("the hub hands over: the socket "));
  consumer.expect_eof();
  source.expect_eof();
  REQUIRE(::rmdir(hub.socket().c_str()) == 0);
  hub.expect_clean_exit();
}

namespace {

// A directory that the hub makes itself, below one that everybody may enter.
struct OpenPlace {
  TempDir root;
  std::string directory = root.file("shared");
  std::string socket = directory + "/bus.sock";

  OpenPlace() { REQUIRE(::chmod(root.path().c_str(), 0711) == 0); }
  static mode_t mode_of(const std::string& path) {
    struct stat st {};
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    return st.st_mode & 07777U;
  }
};

// A hub there, which says in its log that it serves.
Child serve_at(const OpenPlace& place, std::vector<std::string> options) {
  options.insert(options.end(), {"--socket", place.socket});
  Child hub(busd_program(), options);
  hub.wait_for_errors("msg=\"serving\"");
  return hub;
}

constexpr gid_t kGroup = 4242;

}  // namespace

TEST_CASE("A user of --allow-uid reaches a hub without any help, and others reach it and are denied",
          "[users]") {
  if (!can_be_another()) return;
  OpenPlace place;
  Child hub = serve_at(place, {"--allow-uid", std::to_string(kStranger)});
  CHECK(OpenPlace::mode_of(place.directory) == 0711);
  CHECK(OpenPlace::mode_of(place.socket) == 0666);
  CHECK(OpenPlace::mode_of(place.directory + "/bus.lock") == 0600);
  CHECK(answer_to_stranger(place.socket).starts_with(R"({"type":"hello_ack",)"));
  CHECK(answer_to_stranger(place.socket, {}, kOtherStranger).starts_with(denial_of(kOtherStranger)));
  // A socket that is put up again is as open as the first one.
  REQUIRE(::unlink(place.socket.c_str()) == 0);
  hub.wait_for_errors("was removed or replaced");
  CHECK(OpenPlace::mode_of(place.socket) == 0666);
  CHECK(answer_to_stranger(place.socket).starts_with(R"({"type":"hello_ack",)"));
}

TEST_CASE("With one --allow-gid the directory and the socket are that group's, and closed to all others",
          "[users]") {
  if (!can_be_another()) return;
  OpenPlace place;
  Child hub = serve_at(place, {"--allow-gid", std::to_string(kGroup)});
  CHECK(OpenPlace::mode_of(place.directory) == 0750);
  CHECK(OpenPlace::mode_of(place.socket) == 0660);
  CHECK(answer_to_stranger(place.socket, {kGroup}).starts_with(R"({"type":"hello_ack",)"));
  CHECK(answer_to_stranger(place.socket).find("Permission denied") != std::string::npos);
}

TEST_CASE("Without --allow-uid and --allow-gid a hub that makes its directory closes it", "[users]") {
  OpenPlace place;
  Child hub = serve_at(place, {});
  CHECK(OpenPlace::mode_of(place.directory) == 0700);
  CHECK(OpenPlace::mode_of(place.socket) == 0600);
}

TEST_CASE("A directory that others may write to is refused with --allow-uid too", "[users]") {
  OpenPlace place;
  REQUIRE(::mkdir(place.directory.c_str(), 0700) == 0);
  REQUIRE(::chmod(place.directory.c_str(), 0733) == 0);
  RunResult result = run(busd_program(), {"--socket", place.socket, "--allow-uid", "1"});
  CHECK(result.status == ExitStatus{77, 0});
  CHECK(result.errors == "busd: others may write to directory \"" + place.directory +
                             "\"; chmod go-w it, or use another one\n");
}

TEST_CASE("busd --check-config says who can reach the socket, or what keeps them from it", "[users]") {
  OpenPlace place;
  std::vector<std::string> words = {"--socket", place.socket, "--allow-uid", "4711", "--check-config"};
  CHECK(run(busd_program(), words)
            .errors.ends_with("admitted beside our own user and root: uid 4711; the socket has mode "
                              "0666, a new directory 0711\n"));
  REQUIRE(::chmod(place.root.path().c_str(), 0700) == 0);
  CHECK(run(busd_program(), words)
            .errors.find("but they may not enter \"" + place.root.path() + "\" (mode 0700)") !=
        std::string::npos);
  CHECK(run(busd_program(), {"--allow-uid", "4711", "--check-config"})
            .errors.find("give --socket in a directory") != std::string::npos);
}

TEST_CASE("A umask that takes from ourselves leaves a hub with files that it can open again", "[users]") {
  if (!can_run_as_stranger()) return;
  OpenPlace place;
  REQUIRE(::chown(place.root.path().c_str(), kStranger, kStranger) == 0);
  for (int i = 0; i < 2; ++i) {
    ChildOptions options = as_stranger();
    options.in_child = [become_stranger = options.in_child] {
      become_stranger();
      ::umask(0277);
    };
    Child hub(busd_program(), {"--socket", place.socket}, std::move(options));
    hub.wait_for_errors("msg=\"serving\"");
    hub.signal(SIGTERM);
    CHECK(hub.wait() == ExitStatus{0, 0});
  }
  CHECK(OpenPlace::mode_of(place.directory) == 0700);
}

TEST_CASE("busd --detach tells the terminal what keeps the admitted out, not only its log", "[users]") {
  OpenPlace place;
  REQUIRE(::chmod(place.root.path().c_str(), 0700) == 0);
  RunResult result = run(busd_program(), {"--detach", "--socket", place.socket, "--allow-uid", "4711"});
  CHECK(result.status == ExitStatus{0, 0});
  CHECK(result.errors.find("but they may not enter \"" + place.root.path() + "\" (mode 0700)") !=
        std::string::npos);
  stop_detached(place.socket);
  // The bus of a user's own place stays closed, and is not looked for by others: the same in the background.
  ChildOptions options;
  options.environment = {{"XDG_RUNTIME_DIR", place.root.path()}};
  result = run(busd_program(), {"--detach", "--bus", "own", "--allow-uid", "4711"}, std::move(options));
  CHECK(result.errors.find("give --socket in a directory that they may enter") != std::string::npos);
  std::string own = place.root.file("busd/own.sock");
  CHECK(OpenPlace::mode_of(own) == 0600);
  auto log = read_file(place.root.file("busd/own.log"), 1 << 20);
  REQUIRE(log);
  CHECK(log->find("give --socket in a directory that they may enter") != std::string::npos);
  stop_detached(own);
}

TEST_CASE("A hub in the foreground whose log is a file tells the terminal what has no effect", "[users]") {
  OpenPlace place;
  REQUIRE(::chmod(place.root.path().c_str(), 0700) == 0);
  Child hub(busd_program(),
            {"--socket", place.socket, "--allow-uid", "4711", "--log-file", place.root.file("x.log")});
  hub.wait_for_errors("but they may not enter");
}
