#include "protocol/event/directory_watch.h"

#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using bus::test::TempDir;

TEST_CASE("Changes of a directory are said once they have ended, and the directory may come later") {
  TempDir above;
  auto loop = Loop::create();
  REQUIRE(loop);
  size_t changes = 0;
  std::string directory = above.file("busd/sources.d");
  DirectoryWatch watch(**loop, {directory}, [&] {
    ++changes;
    (*loop)->stop();
  });
  CHECK(watch.trouble().empty());
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
  REQUIRE(::mkdir(above.file("busd").c_str(), 0755) == 0);
  wait();
  REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
  wait();
  REQUIRE(Fd(::open((directory + "/a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755)));
  wait();
  CHECK(changes == 3);
  REQUIRE(::unlink((directory + "/a").c_str()) == 0);
  wait();
  CHECK(changes == 4);
}
