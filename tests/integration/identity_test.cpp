// Who may use the hub: the kernel's word on the peer's uid and groups (PROTOCOL.md 4). Needs root, to be
// somebody else.
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uid_t kStranger = 65534;
constexpr gid_t kGroup = 54321;

// What a process of another user, in `groups`, reads after it has said hello; EOF and failures as text.
std::string answer_to_stranger(const std::string& socket, const std::vector<gid_t>& groups) {
  int ends[2];
  if (::pipe(ends) != 0) FAIL("pipe failed");
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  pid_t child = ::fork();
  if (child == 0) {
    bool ok = ::setgroups(groups.size(), groups.data()) == 0 &&
              ::setresgid(kStranger, kStranger, kStranger) == 0 &&
              ::setresuid(kStranger, kStranger, kStranger) == 0;
    std::string answer = "no other uid\n";
    if (ok) {
      auto connected = connect_unix(socket, kPatience);
      answer = connected ? "" : connected.error().what;
      std::string hello = hello_line("k") + "\n";
      // The hub may have closed already: its answer is there all the same.
      if (connected) ::send(connected->get(), hello.data(), hello.size(), MSG_NOSIGNAL);
      char c = 0;
      while (connected && !answer.ends_with('\n')) {
        ssize_t n = ::read(connected->get(), &c, 1);
        if (n == 1) answer += c;
        if (n == 0) answer += "EOF\n";
        pollfd waiting{connected->get(), POLLIN, 0};
        if (n < 0 && ::poll(&waiting, 1, 10'000) != 1) answer += "nothing in time\n";
      }
    }
    bool told = ::write(write_end.get(), answer.data(), answer.size()) > 0;
    ::_exit(told ? 0 : 1);
  }
  write_end.reset();
  std::string line = read_descriptor_line(read_end.get());
  ::waitpid(child, nullptr, 0);
  return line;
}

// After the start, which would refuse this: what an administrator may do who lets others in.
void open_to_all(const HubProcess& hub) {
  REQUIRE(::chmod(hub.directory().c_str(), 0711) == 0);
  REQUIRE(::chmod(hub.socket().c_str(), 0666) == 0);
}

bool can_be_another() {
  if (::geteuid() == 0) return true;
  WARN("skipped: needs root");
  return false;
}

}  // namespace

TEST_CASE("Another user is denied by the kernel's word, whatever it says of itself") {
  if (!can_be_another()) return;
  HubProcess hub;
  open_to_all(hub);
  CHECK(answer_to_stranger(hub.socket(), {}) ==
        R"({"type":"error","code":"denied","message":"uid 65534 may not use this hub"})");
  hub.wait_for_log("uid 65534 may not use this hub");
  CHECK(hub.status().consumers.empty());
}

TEST_CASE("--allow-uid admits a user by number") {
  if (!can_be_another()) return;
  HubProcess hub({"--allow-uid", std::to_string(kStranger)});
  open_to_all(hub);
  CHECK(answer_to_stranger(hub.socket(), {}).starts_with(R"({"type":"hello_ack",)"));
}

TEST_CASE("--allow-gid admits by main group and by supplementary group, however many there are") {
  if (!can_be_another()) return;
  SECTION("main group") {
    HubProcess hub({"--allow-gid", std::to_string(kStranger)});
    open_to_all(hub);
    CHECK(answer_to_stranger(hub.socket(), {}).starts_with(R"({"type":"hello_ack",)"));
  }
  SECTION("supplementary group") {
    HubProcess hub({"--allow-gid", std::to_string(kGroup)});
    open_to_all(hub);
    CHECK(answer_to_stranger(hub.socket(), {kGroup}).starts_with(R"({"type":"hello_ack",)"));
    std::vector<gid_t> many;
    for (gid_t gid = 40'000; gid < 40'200; ++gid) many.push_back(gid);
    CHECK(answer_to_stranger(hub.socket(), many).starts_with(R"({"type":"error","code":"denied")"));
    many.push_back(kGroup);
    CHECK(answer_to_stranger(hub.socket(), many).starts_with(R"({"type":"hello_ack",)"));
  }
}
