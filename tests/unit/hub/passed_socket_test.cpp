#include "hub/passed_socket.h"

#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/pipe.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using namespace bus::test;

namespace {

constexpr int kBacklog = 16;

// As somebody else opens it for us: blocking, and to be inherited.
Fd listening_at(const std::string& path) {
  auto made = listen_unix(path, 1);
  REQUIRE(made);
  REQUIRE(::fcntl(made->get(), F_SETFL, 0) == 0);
  REQUIRE(::fcntl(made->get(), F_SETFD, 0) == 0);
  return std::move(*made);
}

Fd unix_socket(int type) {
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  REQUIRE(fd);
  return fd;
}

void bind_to(const Fd& fd, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
}

// What is said of a descriptor that is not taken over, and stays open then.
std::string complaint(const Fd& fd, const std::string& path) {
  auto adopted = adopt_passed_socket(fd.get(), path, kBacklog);
  REQUIRE_FALSE(adopted);
  CHECK(adopted.error().code == Errc::invalid);
  CHECK(::fcntl(fd.get(), F_GETFD) >= 0);
  std::string start = "the passed descriptor " + std::to_string(fd.get()) + " ";
  REQUIRE(adopted.error().what.starts_with(start));
  return adopted.error().what.substr(start.size());
}

}  // namespace

TEST_CASE("A passed socket that listens at the path is taken over, and made ours to wait for") {
  TempDir dir;
  Fd passed = listening_at(dir.file("bus.sock"));
  int number = passed.get();
  auto adopted = adopt_passed_socket(passed.release(), dir.file("bus.sock"), kBacklog);
  REQUIRE(adopted);
  CHECK(adopted->get() == number);
  CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(number, F_GETFL) & O_NONBLOCK) != 0);
  CHECK(connect_unix(dir.file("bus.sock"), seconds(1)));
}

TEST_CASE("A passed socket keeps who has connected before, and takes as many as the hub's own") {
  TempDir dir;
  auto passed = listen_unix(dir.file("bus.sock"), 0);
  REQUIRE(passed);
  auto early = connect_unix(dir.file("bus.sock"), seconds(1));
  REQUIRE(early);
  // A backlog of 0 takes one.
  auto refused = connect_unix(dir.file("bus.sock"), milliseconds(1));
  REQUIRE_FALSE(refused);
  auto adopted = adopt_passed_socket(passed->release(), dir.file("bus.sock"), kBacklog);
  REQUIRE(adopted);
  for (int i = 0; i < kBacklog; ++i) CHECK(connect_unix(dir.file("bus.sock"), milliseconds(1)));
  for (int i = 0; i <= kBacklog; ++i) CHECK(Fd(::accept(adopted->get(), nullptr, nullptr)));
}

TEST_CASE("A passed socket may have been bound by another spelling of the path") {
  TempDir dir;
  REQUIRE(::symlink(dir.path().c_str(), (dir.path() + "/here").c_str()) == 0);
  Fd passed = listening_at(dir.file("here/bus.sock"));
  CHECK(adopt_passed_socket(passed.release(), dir.file("bus.sock"), kBacklog));
}

TEST_CASE("A path of full length is compared whole") {
  TempDir dir;
  std::string longest = dir.file(std::string(kMaxSocketPathBytes - dir.path().size() - 1, 'x'));
  REQUIRE(longest.size() == kMaxSocketPathBytes);
  Fd passed = listening_at(longest);
  CHECK(complaint(passed, longest.substr(0, longest.size() - 1)).starts_with("listens at "));
  CHECK(adopt_passed_socket(passed.release(), longest, kBacklog));
}

TEST_CASE("A passed descriptor that is no listening Unix stream socket at the path is refused") {
  TempDir dir;
  std::string path = dir.file("bus.sock");
  SECTION("not a socket") {
    Pipe pipe;
    CHECK(complaint(pipe.read_end, path) == "is not a socket: give busd a socket unit with ListenStream=");
  }
  SECTION("another family") {
    Fd internet(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(internet);
    REQUIRE(::listen(internet.get(), 1) == 0);
    CHECK(complaint(internet, path) == "is not a Unix socket: busd listens on paths only");
  }
  SECTION("datagrams") {
    Fd datagrams = unix_socket(SOCK_DGRAM);
    bind_to(datagrams, path);
    CHECK(complaint(datagrams, path) == "is not a stream socket: use ListenStream=");
  }
  SECTION("packets in sequence") {
    Fd packets = unix_socket(SOCK_SEQPACKET);
    bind_to(packets, path);
    REQUIRE(::listen(packets.get(), 1) == 0);
    CHECK(complaint(packets, path) == "is not a stream socket: use ListenStream=");
  }
  SECTION("bound, and not listening") {
    Fd mute = unix_socket(SOCK_STREAM);
    bind_to(mute, path);
    CHECK(complaint(mute, path) == "does not listen: a socket unit for busd needs Accept=no");
  }
  SECTION("a connection, as with Accept=yes") {
    Fd listening = listening_at(path);
    auto client = connect_unix(path, seconds(1));
    REQUIRE(client);
    Fd accepted(::accept(listening.get(), nullptr, nullptr));
    REQUIRE(accepted);
    CHECK(complaint(accepted, path) == "does not listen: a socket unit for busd needs Accept=no");
  }
  SECTION("another path") {
    Fd other = listening_at(dir.file("other.sock"));
    CHECK(complaint(other, path) == "listens at \"" + dir.file("other.sock") +
                                        "\", but the hub is to serve \"" + path +
                                        "\": give both the same path (--socket, ListenStream=)");
  }
  SECTION("an abstract name") {
    Fd abstract = unix_socket(SOCK_STREAM);
    bind_to(abstract, std::string(1, '\0') + path);
    REQUIRE(::listen(abstract.get(), 1) == 0);
    CHECK(complaint(abstract, path).starts_with("is a socket without a path"));
  }
}

TEST_CASE("A passed descriptor that is not open is refused") {
  Fd gone;
  {
    Pipe pipe;
    gone = Fd(pipe.read_end.get());
  }
  int number = gone.release();
  auto adopted = adopt_passed_socket(number, "/x/bus.sock", kBacklog);
  REQUIRE_FALSE(adopted);
  CHECK(adopted.error().what == "the passed descriptor " + std::to_string(number) + " is not open");
}

TEST_CASE("The directory of a passed socket may be entered by others, and written to by nobody else") {
  TempDir dir;
  std::string path = dir.file("run");
  auto none = check_passed_dir(path);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::unavailable);
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  for (mode_t mode : {0700U, 0711U, 0755U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(check_passed_dir(path));
  }
  for (mode_t mode : {0720U, 0702U, 0777U, 01777U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    auto open = check_passed_dir(path);
    REQUIRE_FALSE(open);
    CHECK(open.error().code == Errc::denied);
    CHECK(open.error().what == "others may write to directory \"" + path + "\"; chmod go-w it");
  }
}

TEST_CASE("The directory of a passed socket is neither a symlink nor a file") {
  TempDir dir;
  REQUIRE(::mkdir(dir.file("real").c_str(), 0700) == 0);
  REQUIRE(::symlink("real", dir.file("link").c_str()) == 0);
  auto link = check_passed_dir(dir.file("link"));
  REQUIRE_FALSE(link);
  CHECK(link.error().code == Errc::denied);
  CHECK(link.error().what.ends_with("is a symlink"));
  Fd file(::open(dir.file("file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  auto regular = check_passed_dir(dir.file("file"));
  REQUIRE_FALSE(regular);
  CHECK(regular.error().what.ends_with("is not a directory"));
}
