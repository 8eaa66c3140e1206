#include "hub/instance_lock.h"

#include <fstream>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using bus::test::TempDir;

namespace {

Endpoint endpoint_in(const TempDir& directory) {
  Endpoint endpoint;
  endpoint.socket = directory.file("bus.sock");
  endpoint.directory = directory.path();
  endpoint.lock = directory.file("bus.lock");
  return endpoint;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

}  // namespace

TEST_CASE("InstanceLock has one holder at a time, and its file holds the pid and stays") {
  TempDir directory;
  Endpoint endpoint = endpoint_in(directory);
  {
    auto first = InstanceLock::acquire(endpoint, seconds(0));
    REQUIRE(first);
    auto second = InstanceLock::acquire(endpoint, milliseconds(60));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::busy);
    auto text = read_file(endpoint.lock, 100);
    REQUIRE(text);
    CHECK(*text == std::to_string(::getpid()) + "\n");
  }
  CHECK(exists(endpoint.lock));
  CHECK(InstanceLock::acquire(endpoint, seconds(0)));
}

TEST_CASE("InstanceLock takes a stale socket away, and at its end its own one and no other") {
  TempDir directory;
  Endpoint endpoint = endpoint_in(directory);
  REQUIRE(listen_unix(endpoint.socket, 1));  // closed at once: stale
  REQUIRE(exists(endpoint.socket));
  std::optional<Fd> other;
  {
    auto lock = InstanceLock::acquire(endpoint, seconds(0));
    REQUIRE(lock);
    auto listening = lock->put_up_socket(4);
    REQUIRE(listening);
    CHECK(connect_unix(endpoint.socket, seconds(1)));
    SECTION("its own") {}
    SECTION("another one") {
      REQUIRE(::unlink(endpoint.socket.c_str()) == 0);
      auto theirs = listen_unix(endpoint.socket, 1);
      REQUIRE(theirs);
      other = std::move(*theirs);
    }
  }
  CHECK(exists(endpoint.socket) == other.has_value());
}

TEST_CASE("InstanceLock leaves alone a socket that somebody listens on") {
  TempDir directory;
  Endpoint endpoint = endpoint_in(directory);
  auto theirs = listen_unix(endpoint.socket, 0);
  REQUIRE(theirs);
  auto lock = InstanceLock::acquire(endpoint, seconds(0));
  REQUIRE(lock);
  // The second time its backlog is full of the first.
  for (int i = 0; i < 2; ++i) {
    auto listening = lock->put_up_socket(4);
    REQUIRE_FALSE(listening);
    CHECK(listening.error().code == Errc::busy);
    CHECK(listening.error().what ==
          "somebody listens at \"" + endpoint.socket + "\" without holding its lock");
  }
  CHECK(Fd(::accept(theirs->get(), nullptr, nullptr)));
  CHECK(connect_unix(endpoint.socket, seconds(1)));
}

TEST_CASE("InstanceLock leaves alone what is not a socket") {
  TempDir directory;
  Endpoint endpoint = endpoint_in(directory);
  std::ofstream(endpoint.socket) << "precious";
  {
    auto lock = InstanceLock::acquire(endpoint, seconds(0));
    REQUIRE(lock);
    auto listening = lock->put_up_socket(4);
    REQUIRE_FALSE(listening);
    CHECK(listening.error().code == Errc::denied);
  }
  auto text = read_file(endpoint.socket, 100);
  REQUIRE(text);
  CHECK(*text == "precious");
}

TEST_CASE("answering_hub tells a hub that answers from one that does not, and from none") {
  TempDir directory;
  std::string socket = directory.file("bus.sock");
  auto none = answering_hub(socket, seconds(1));
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::unavailable);
  auto listening = listen_unix(socket, 4);
  REQUIRE(listening);
  auto mute = answering_hub(socket, milliseconds(50));
  REQUIRE_FALSE(mute);
  CHECK(mute.error().code == Errc::timed_out);
}
