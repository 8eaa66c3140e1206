#include "protocol/base/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using bus::test::TempDir;

namespace {

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
bool is_close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

Fd accept_one(const Fd& listener) {
  pollfd waiting{listener.get(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 10'000) == 1);
  Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(fd);
  return fd;
}

}  // namespace

TEST_CASE("A listening socket is private whatever the umask, and connects") {
  TempDir dir;
  mode_t before = ::umask(0);
  auto listener = listen_unix(dir.file("s"), 5);
  CHECK(::umask(before) == 0);
  REQUIRE(listener);
  CHECK(is_nonblocking(listener->get()));
  CHECK(is_close_on_exec(listener->get()));
  struct stat st {};
  REQUIRE(::lstat(dir.file("s").c_str(), &st) == 0);
  CHECK(S_ISSOCK(st.st_mode));
  CHECK((st.st_mode & 07777U) == 0600);

  auto client = connect_unix(dir.file("s"), seconds(5));
  REQUIRE(client);
  CHECK(is_nonblocking(client->get()));
  CHECK(is_close_on_exec(client->get()));
  Fd server = accept_one(*listener);
  REQUIRE(::send(client->get(), "hi", 2, MSG_NOSIGNAL) == 2);
  char got[8];
  CHECK(::recv(server.get(), got, sizeof got, 0) == 2);
}

TEST_CASE("The kernel says who the peer is") {
  TempDir dir;
  auto listener = listen_unix(dir.file("s"), 5);
  REQUIRE(listener);
  auto client = connect_unix(dir.file("s"), seconds(5));
  REQUIRE(client);
  Fd server = accept_one(*listener);
  for (int fd : {client->get(), server.get()}) {
    auto peer = peer_credentials(fd);
    REQUIRE(peer);
    CHECK(peer->pid == ::getpid());
    CHECK(peer->uid == ::geteuid());
    CHECK(peer->gid == ::getegid());
  }
  CHECK_FALSE(peer_credentials(-1));
}

TEST_CASE("A path that is taken is busy") {
  TempDir dir;
  auto first = listen_unix(dir.file("s"), 5);
  REQUIRE(first);
  auto second = listen_unix(dir.file("s"), 5);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::busy);
}

TEST_CASE("Where nobody listens, connecting says unavailable") {
  TempDir dir;
  CHECK(connect_unix(dir.file("none"), seconds(1)).error().code == Errc::unavailable);
  { REQUIRE(listen_unix(dir.file("stale"), 5)); }
  CHECK(connect_unix(dir.file("stale"), seconds(1)).error().code == Errc::unavailable);
}

TEST_CASE("A full backlog ends in timed_out, after the patience given") {
  TempDir dir;
  auto listener = listen_unix(dir.file("s"), 0);
  REQUIRE(listener);
  std::vector<Fd> waiting;
  for (int i = 0; i < 16; ++i) {
    TimePoint start = now();
    auto client = connect_unix(dir.file("s"), milliseconds(100));
    if (client) {
      waiting.push_back(std::move(*client));
      continue;
    }
    CHECK(client.error().code == Errc::timed_out);
    CHECK(now() - start >= milliseconds(90));
    return;
  }
  FAIL("the backlog never filled");
}

TEST_CASE("A socket path is judged before it is used") {
  CHECK(check_socket_path(std::string(kMaxSocketPathBytes, 'x')));
  auto longer = check_socket_path(std::string(kMaxSocketPathBytes + 1, 'x'));
  REQUIRE_FALSE(longer);
  CHECK(longer.error().code == Errc::too_long);
  CHECK(longer.error().what.find("108 bytes long; the limit is 107") != std::string::npos);
  CHECK(check_socket_path("").error().code == Errc::invalid);
  CHECK(check_socket_path(std::string("a\0b", 3)).error().code == Errc::invalid);
  CHECK_FALSE(listen_unix(std::string(kMaxSocketPathBytes + 1, 'x'), 1));
  CHECK_FALSE(connect_unix(std::string(kMaxSocketPathBytes + 1, 'x'), seconds(1)));
}

TEST_CASE("A path of the greatest length binds and connects") {
  TempDir dir;
  std::string path = dir.file("");
  REQUIRE(path.size() < kMaxSocketPathBytes);
  path += std::string(kMaxSocketPathBytes - path.size(), 's');
  auto listener = listen_unix(path, 1);
  REQUIRE(listener);
  CHECK(connect_unix(path, seconds(5)));
}
