// The signs that a hub comes or ends, so that nobody has to look again and again.
#include "consumer/sources/hub_watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/event/timer.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace bus::sources {

TEST_CASE(
    "A hub that takes its lock, and one that removes its socket, are a sign; a directory that comes later is "
    "watched then") {
  test::TempDir above;
  auto loop = Loop::create();
  REQUIRE(loop);
  std::string directory = above.file("busd");
  HubWatch watch(**loop, directory, [&] { (*loop)->stop(); });
  bool late = false;
  Timer guard(**loop, [&] {
    late = true;
    (*loop)->stop();
  });
  auto wait = [&] {
    guard.set(now() + seconds(10));
    (*loop)->run();
    REQUIRE_FALSE(late);
  };
  CHECK_FALSE(watch.begin());
  REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  CHECK(watch.begin());
  CHECK(watch.begin());
  { REQUIRE(try_lock_file(directory + "/bus.lock")); }
  wait();
  { REQUIRE(try_lock_file(directory + "/bus.lock")); }
  wait();
  REQUIRE(::unlink((directory + "/bus.lock").c_str()) == 0);
  wait();
  // Another directory of the name is another one.
  REQUIRE(::rmdir(directory.c_str()) == 0);
  wait();
  CHECK_FALSE(watch.begin());
  REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  CHECK(watch.begin());
  { REQUIRE(try_lock_file(directory + "/bus.lock")); }
  wait();
  watch.end();
}

}  // namespace bus::sources
