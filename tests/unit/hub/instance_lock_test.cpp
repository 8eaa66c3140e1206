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

using Look = InstanceLock::Look;

namespace {

// A hub's place with a socket in it.
struct Place {
  TempDir root;
  Endpoint endpoint;
  std::optional<InstanceLock> lock;
  Fd listening;

  Place() {
    REQUIRE(::mkdir(root.file("busd").c_str(), 0700) == 0);
    endpoint.directory = root.file("busd");
    endpoint.socket = endpoint.directory + "/bus.sock";
    endpoint.lock = endpoint.directory + "/bus.lock";
    auto taken = InstanceLock::acquire(endpoint, seconds(0));
    REQUIRE(taken);
    lock.emplace(std::move(*taken));
    auto put_up = lock->put_up_socket(8);
    REQUIRE(put_up);
    listening = std::move(*put_up);
  }
};

}  // namespace

TEST_CASE("A look at a place that nobody has touched changes nothing") {
  Place place;
  Look look = place.lock->look(8);
  CHECK(look.kind == Look::Kind::ours);
  CHECK_FALSE(look.listening);
}

TEST_CASE("A socket that was removed is put up again while the directory is ours") {
  Place place;
  REQUIRE(::unlink(place.endpoint.socket.c_str()) == 0);
  Look look = place.lock->look(8);
  REQUIRE(look.kind == Look::Kind::mended);
  CHECK(look.listening);
  CHECK(connect_unix(place.endpoint.socket, seconds(1)));
  CHECK(place.lock->look(8).kind == Look::Kind::ours);
  place.lock->take_down_socket();
  CHECK_FALSE(exists(place.endpoint.socket));
}

TEST_CASE("A stale socket in the place of ours is replaced, one where somebody listens is not") {
  Place place;
  REQUIRE(::unlink(place.endpoint.socket.c_str()) == 0);
  REQUIRE(listen_unix(place.endpoint.socket, 1));  // closed at once: stale
  Look mended = place.lock->look(8);
  CHECK(mended.kind == Look::Kind::mended);
  REQUIRE(::unlink(place.endpoint.socket.c_str()) == 0);
  auto other = listen_unix(place.endpoint.socket, 1);
  REQUIRE(other);
  CHECK(place.lock->look(8).kind == Look::Kind::lost);
  place.lock->take_down_socket();
  CHECK(exists(place.endpoint.socket));
}

TEST_CASE("A lock's file that was removed is locked anew, so that no second hub can take it") {
  Place place;
  REQUIRE(::unlink(place.endpoint.lock.c_str()) == 0);
  CHECK(place.lock->look(8).kind == Look::Kind::mended);
  auto second = InstanceLock::acquire(place.endpoint, seconds(0));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::busy);
  CHECK(place.lock->look(8).kind == Look::Kind::ours);
}

TEST_CASE("A lock's file that another process holds is contested while our socket stands, and lost with it") {
  Place place;
  REQUIRE(::unlink(place.endpoint.lock.c_str()) == 0);
  auto second = InstanceLock::acquire(place.endpoint, seconds(0));
  REQUIRE(second);
  CHECK(place.lock->look(8).kind == Look::Kind::contested);
  REQUIRE(::unlink(place.endpoint.socket.c_str()) == 0);
  // Without the lock the socket is not put up either.
  CHECK(place.lock->look(8).kind == Look::Kind::contested);
  CHECK_FALSE(exists(place.endpoint.socket));
  auto theirs = second->put_up_socket(8);
  REQUIRE(theirs);
  CHECK(place.lock->look(8).kind == Look::Kind::lost);
}

TEST_CASE("A lock's file that became a symlink is lost, and its target left alone") {
  Place place;
  REQUIRE(::unlink(place.endpoint.lock.c_str()) == 0);
  REQUIRE(::symlink("target", place.endpoint.lock.c_str()) == 0);
  CHECK(place.lock->look(8).kind == Look::Kind::lost);
  CHECK_FALSE(exists(place.endpoint.directory + "/target"));
}

TEST_CASE("A directory that is gone, or another one in its place, is lost") {
  Place place;
  REQUIRE(::rename(place.endpoint.directory.c_str(), place.root.file("old").c_str()) == 0);
  CHECK(place.lock->look(8).kind == Look::Kind::lost);
  REQUIRE(::mkdir(place.endpoint.directory.c_str(), 0700) == 0);
  CHECK(place.lock->look(8).kind == Look::Kind::lost);
  CHECK_FALSE(exists(place.endpoint.lock));
}

TEST_CASE("No socket is put up again in a directory that was opened to others") {
  Place place;
  REQUIRE(::unlink(place.endpoint.socket.c_str()) == 0);
  REQUIRE(::chmod(place.endpoint.directory.c_str(), 0777) == 0);
  CHECK(place.lock->look(8).kind == Look::Kind::lost);
  CHECK_FALSE(exists(place.endpoint.socket));
}

TEST_CASE("A passed socket that was removed is lost, and one that stands there is never taken down") {
  TempDir directory;
  Endpoint endpoint = endpoint_in(directory);
  auto passed = listen_unix(endpoint.socket, 1);
  REQUIRE(passed);
  auto lock = InstanceLock::acquire(endpoint, seconds(0));
  REQUIRE(lock);
  REQUIRE(lock->keep_passed_socket());
  CHECK(lock->look(8).kind == Look::Kind::ours);
  lock->take_down_socket();
  CHECK(exists(endpoint.socket));
  REQUIRE(lock->keep_passed_socket());
  REQUIRE(::unlink(endpoint.socket.c_str()) == 0);
  CHECK(lock->look(8).kind == Look::Kind::lost);
  CHECK_FALSE(exists(endpoint.socket));
}
