#include "consumer/gocache/private_place.h"

#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/unit/gocache/support.h"
#include "tests/unit/gocache/variable.h"

using namespace bus;
using namespace bus::gocache;

TEST_CASE("A private place is a directory for us alone, which is told and removed") {
  TempDir temp;
  Variable tmpdir("TMPDIR", temp.path());
  std::vector<std::string> made;
  {
    PrivatePlace place([&](const std::string& directory) { made.push_back(directory); });
    CHECK(names_in(temp.path()).empty());
    auto one = place.on_disk();
    auto other = place.on_disk();
    REQUIRE(one);
    REQUIRE(other);
    CHECK(one->path != other->path);
    REQUIRE(write_all(one->fd.get(), "bytes"));
    REQUIRE(made.size() == 1);
    CHECK(made[0].starts_with(temp.path() + "/bus-gocache-"));
    struct stat st {};
    REQUIRE(::stat(made[0].c_str(), &st) == 0);
    CHECK((st.st_mode & 07777U) == 0700);
    std::string path = one->path;
    place.keep(std::move(*one));
    CHECK(contents(path) == "bytes");
  }
  CHECK(names_in(temp.path()).empty());
}

TEST_CASE("A TMPDIR that is not absolute is not used") {
  Variable tmpdir("TMPDIR", "relative");
  PrivatePlace place([](const std::string& directory) { CHECK(directory.starts_with("/tmp/bus-gocache-")); });
  CHECK(place.on_disk());
}

TEST_CASE("Where no directory can be made, that is an error, and memory is left") {
  Variable tmpdir("TMPDIR", "/nonexistent");
  PrivatePlace place([](const std::string&) { FAIL("nothing was made"); });
  CHECK_FALSE(place.on_disk());
  auto file = place.in_memory();
  REQUIRE(file);
  REQUIRE(write_all(file->fd.get(), "bytes"));
  std::string path = file->path;
  place.keep(std::move(*file));
  // Others open it by its path, while we live.
  CHECK(contents(path) == "bytes");
}
