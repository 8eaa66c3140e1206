#include "consumer/src/start_lock.h"

#include <cerrno>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace bus::sdk {
namespace {

// Nothing left to reap, of any kind.
bool no_child_left() { return ::waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD; }

TEST_CASE("A free lock is taken at once, a held one not before the deadline") {
  test::TempDir dir;
  auto first = lock_file_until(dir.file("x.lock"), now());
  REQUIRE(first);
  auto second = lock_file_until(dir.file("x.lock"), now() + milliseconds(20));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::timed_out);
  CHECK(no_child_left());
  first->reset();
  CHECK(lock_file_until(dir.file("x.lock"), now()));
}

TEST_CASE("A waiter gets the lock when its holder lets go, and starts no process for it") {
  test::TempDir dir;
  std::string path = dir.file("x.lock");
  int ready[2];
  int go[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(go) == 0);
  pid_t holder = ::fork();
  REQUIRE(holder >= 0);
  if (holder == 0) {
    auto held = try_lock_file(path);
    char byte = held ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1 || ::read(go[0], &byte, 1) != 1) ::_exit(2);
    ::_exit(byte == 'q' ? 0 : 1);  // its end lets go
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  REQUIRE(byte == 'y');
  // Told to go only while we wait: the writer is a process of its own that waits until we sleep.
  pid_t me = ::getpid();
  pid_t teller = ::fork();
  REQUIRE(teller >= 0);
  if (teller == 0) {
    TimePoint give_up = now() + seconds(10);
    while (now() < give_up) {
      auto stat = read_file("/proc/" + std::to_string(me) + "/stat", 4096);
      if (!stat || stat->find(") S ") != std::string::npos) break;
      ::sched_yield();
    }
    char quit = 'q';
    ::_exit(::write(go[1], &quit, 1) == 1 ? 0 : 1);
  }
  auto lock = lock_file_until(path, now() + seconds(10));
  CHECK(lock);
  int status = -1;
  CHECK(::waitpid(holder, &status, 0) == holder);
  CHECK(status == 0);
  CHECK(::waitpid(teller, &status, 0) == teller);
  CHECK(status == 0);
  CHECK(no_child_left());
  for (int fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
  // It is ours: nobody else can have it.
  auto other = try_lock_file(path);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::busy);
}

TEST_CASE("A symlink in the lock's place is refused") {
  test::TempDir dir;
  REQUIRE(::symlink("/dev/null", dir.file("x.lock").c_str()) == 0);
  auto lock = lock_file_until(dir.file("x.lock"), now() + seconds(1));
  REQUIRE_FALSE(lock);
  CHECK(lock.error().code == Errc::denied);
}

}  // namespace
}  // namespace bus::sdk
