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

TEST_CASE("A watch of the entries says nothing of what is written into a file") {
  TempDir directory;
  auto loop = Loop::create();
  REQUIRE(loop);
  Fd file(::open(directory.file("a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(file);
  size_t entries = 0;
  size_t contents = 0;
  auto count = [&](size_t& changes) {
    return [&] {
      ++changes;
      (*loop)->stop();
    };
  };
  DirectoryWatch watch(**loop, {directory.path()}, count(entries), DirectoryWatch::Of::entries);
  DirectoryWatch other(**loop, {directory.path()}, count(contents));
  bool late = false;
  Timer guard(**loop, [&] {
    late = true;
    (*loop)->stop();
  });
  guard.set(now() + seconds(10));
  auto wait_for = [&](size_t& changes, size_t wanted) {
    while (changes < wanted && !late) (*loop)->run();
    REQUIRE_FALSE(late);
  };
  // What the first one would be told of one write comes before what the other one is told of the next.
  for (size_t n = 1; n <= 2; ++n) {
    REQUIRE(::write(file.get(), "text", 4) == 4);
    wait_for(contents, n);
  }
  CHECK(entries == 0);
  REQUIRE(::rename(directory.file("a").c_str(), directory.file("b").c_str()) == 0);
  wait_for(entries, 1);
}
