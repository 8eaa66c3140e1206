#include "consumer/sources/directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/sources/trust.h"
#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::sources;
using bus::test::TempDir;

namespace {

void write(const std::string& path, const std::string& text, mode_t mode) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  REQUIRE(file);
  REQUIRE(write_all(file.get(), text));
  REQUIRE(::fchmod(file.get(), mode) == 0);
}

struct Place {
  std::string add_program(const std::string& name, mode_t mode = 0755) const {
    write(directory.file(name), "#!/bin/sh\necho 1\n", mode);
    return directory.file(name);
  }
  std::string add_file(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    write(directory.file(name), text, mode);
    return directory.file(name);
  }
  Catalog look() const { return look_at({directory.path()}, false); }

  TempDir directory;
};

// "a b": the names of the sources.
std::string names(const Catalog& catalog) {
  std::string all;
  for (const auto& [name, found] : catalog.sources) all += (all.empty() ? "" : " ") + name;
  return all;
}

// The only fault, without its directory.
std::string fault(const Catalog& catalog, const TempDir& directory) {
  if (catalog.faults.size() != 1) return "(" + std::to_string(catalog.faults.size()) + " faults)";
  std::string text = text_of(catalog.faults.front());
  for (size_t at = 0; (at = text.find(directory.path() + "/")) != std::string::npos;)
    text.erase(at, directory.path().size() + 1);
  return text;
}

}  // namespace

TEST_CASE("An executable is the source of its name, with any extension") {
  Place place;
  place.add_program("load");
  std::string clock = place.add_program("clock.sh");
  place.add_file("README", "hello");
  Catalog found = place.look();
  CHECK(names(found) == "clock load");
  CHECK(found.faults.empty());
  CHECK(found.sources.at("clock").definition.command == std::vector<std::string>{clock});
  CHECK(found.sources.at("clock").definition.types == std::vector<std::string>{"clock", "clock.*"});
}

TEST_CASE("Hidden files, back-ups and what dpkg leaves are passed over, and directories") {
  Place place;
  for (const char* name : {".hidden", "a~", "a.bak", "a.dpkg-new", "a.dpkg-old", "b.source~", ".b.source"})
    place.add_program(name);
  REQUIRE(::mkdir(place.directory.file("sub").c_str(), 0755) == 0);
  Catalog found = place.look();
  CHECK(names(found).empty());
  CHECK(found.faults.empty());
}

TEST_CASE("What is neither a file nor a directory is said, and a directory that is named as a file") {
  Place place;
  REQUIRE(::mkfifo(place.directory.file("pipe").c_str(), 0700) == 0);
  REQUIRE(::symlink("/dev/null", place.directory.file("null.source").c_str()) == 0);
  REQUIRE(::mkdir(place.directory.file("sub.source").c_str(), 0755) == 0);
  Catalog found = place.look();
  REQUIRE(found.faults.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    const char* name = std::array{"null.source", "pipe", "sub.source"}.at(i);
    CHECK(text_of(found.faults[i]) == place.directory.file(name) + ": is no regular file, and not used");
  }
}

TEST_CASE("NAME.source says how to run the executable beside it, or names a command") {
  Place place;
  std::string program = place.add_program("a.py");
  place.add_file("a.source", "linger = 1s\n");
  place.add_file("b.source", "command = journalctl -f\n");
  Catalog found = place.look();
  REQUIRE(names(found) == "a b");
  CHECK(found.sources.at("a").definition.command == std::vector<std::string>{program});
  CHECK(found.sources.at("a").definition.linger == seconds(1));
  CHECK(found.sources.at("b").definition.command == std::vector<std::string>{"journalctl", "-f"});
  CHECK(found.sources.at("b").definition.file == place.directory.file("b.source"));
}

TEST_CASE("All faults of all files are said, with their lines, and the other sources run") {
  Place place;
  place.add_program("good");
  place.add_file("bad.source", "command = x\n\nlinger = soon\nlingre = 1s\n");
  Catalog found = place.look();
  CHECK(names(found) == "good");
  REQUIRE(found.faults.size() == 2);
  CHECK(text_of(found.faults[0]).starts_with(place.directory.file("bad.source") + ":3: linger: "));
  CHECK(text_of(found.faults[1])
            .starts_with(place.directory.file("bad.source") + ":4: unknown key \"lingre\""));
}

TEST_CASE("A file that cannot be used does not let its program run with defaults") {
  Place place;
  place.add_program("a");
  place.add_file("a.source", "linger = soon\n");
  place.add_program("b");
  place.add_file("b.source", "linger = 1s\n", 0666);
  CHECK(names(place.look()).empty());
}

TEST_CASE("Two of one name are a fault, and neither runs") {
  Place place;
  place.add_program("a.sh");
  place.add_program("a.py");
  place.add_program("b");
  Catalog found = place.look();
  CHECK(names(found) == "b");
  CHECK(fault(found, place.directory) ==
        "a.sh: there is more than one source a, and none of them is run: a.py, a.sh");

  TempDir other;
  write(other.file("b.source"), "command = x\n", 0644);
  found = look_at({place.directory.path(), other.path()}, false);
  CHECK(names(found).empty());
}

TEST_CASE("Sources of several directories run together, and there is a limit to them") {
  Place place;
  for (int i = 0; i < 1023; ++i) place.add_program("s" + std::to_string(i));
  TempDir other;
  write(other.file("t1.source"), "command = x\n", 0644);
  Catalog found = look_at({place.directory.path(), other.path()}, false);
  CHECK(found.sources.size() == 1024);
  CHECK(found.faults.empty());
  write(other.file("t2.source"), "command = x\n", 0644);
  found = look_at({place.directory.path(), other.path()}, false);
  CHECK(found.sources.size() == 1024);
  CHECK(fault(found, other) == "t2.source: is one source more than the 1024 that are run");
}

TEST_CASE("A name that no source can have is said") {
  Place place;
  place.add_program("a b");
  CHECK(fault(place.look(), place.directory) ==
        "a b: the name of a source is 1 to 64 of A-Z a-z 0-9 _ -, and \"a b\" is not");
}

TEST_CASE("A script without the executable bit is said, as nobody wants that") {
  Place place;
  place.add_program("load.sh", 0644);
  CHECK(fault(place.look(), place.directory) ==
        "load.sh: is a script that is not executable: chmod +x load.sh");
}

TEST_CASE("What others can write is refused by name") {
  Place place;
  TempDir elsewhere;
  place.add_program("good");
  SECTION("an executable") {
    place.add_program("a", 0757);
    CHECK(fault(place.look(), place.directory) == "a: is not run: others can write to \"a\": chmod o-w a");
  }
  SECTION("a file") {
    place.add_file("a.source", "command = x\n", 0646);
    CHECK(fault(place.look(), place.directory) ==
          "a.source: is not used: others can write to \"a.source\": chmod o-w a.source");
  }
  SECTION("the program that a command names") {
    write(elsewhere.file("p"), "#!/bin/sh\n", 0757);
    place.add_file("a.source", "command = " + elsewhere.file("p") + "\n");
    CHECK(fault(place.look(), place.directory).starts_with("a.source:1: is not run: others can write to"));
  }
  SECTION("the directory of what a link leads to") {
    write(elsewhere.file("p"), "#!/bin/sh\n", 0755);
    REQUIRE(::chmod(elsewhere.path().c_str(), 0777) == 0);
    REQUIRE(::symlink(elsewhere.file("p").c_str(), place.directory.file("a").c_str()) == 0);
    CHECK(fault(place.look(), place.directory).starts_with("a: is not run: others can write to"));
  }
  Catalog found = place.look();
  CHECK(names(found) == "good");
  REQUIRE(::chmod(place.directory.path().c_str(), 0757) == 0);
  found = place.look();
  CHECK(names(found).empty());
  CHECK(
      text_of(found.faults.at(0)).starts_with(place.directory.path() + ": nothing in it is run: others can"));
}

TEST_CASE("A directory that others can write is refused wherever it stands on the way") {
  TempDir place;
  auto make = [&](const std::string& name, mode_t mode) {
    REQUIRE(::mkdir(place.file(name).c_str(), 0700) == 0);
    REQUIRE(::chmod(place.file(name).c_str(), mode) == 0);
  };
  std::string advice = "others can write to \"" + place.file("open") + "\": chmod o-w " + place.file("open");
  make("open", 0777);
  make("open/sources.d", 0700);
  make("open/bin", 0700);
  make("sources.d", 0700);
  write(place.file("open/sources.d/a"), "#!/bin/sh\n", 0755);
  write(place.file("open/bin/p"), "#!/bin/sh\n", 0755);
  SECTION("above the sources") {
    Catalog found = look_at({place.file("open/sources.d")}, false);
    CHECK(names(found).empty());
    REQUIRE(found.faults.size() == 1);
    CHECK(found.faults.front().message == "nothing in it is run: " + advice);
  }
  SECTION("above a program") {
    write(place.file("sources.d/a.source"), "command = " + place.file("open/bin/p") + "\n", 0644);
  }
  SECTION("above what a link leads to") {
    REQUIRE(::symlink("../open/bin/p", place.file("sources.d/a").c_str()) == 0);
  }
  SECTION("above a file") {
    write(place.file("open/a"), "command = x\n", 0644);
    REQUIRE(::symlink(place.file("open/a").c_str(), place.file("sources.d/a.source").c_str()) == 0);
  }
  SECTION("above a link to a link") {
    write(place.file("p"), "#!/bin/sh\n", 0755);
    REQUIRE(::symlink("../p", place.file("open/link").c_str()) == 0);
    REQUIRE(::symlink("../open/link", place.file("sources.d/a").c_str()) == 0);
  }
  for (const char* directory : {"sources.d", "open/sources.d"}) {
    Catalog found = look_at({place.file(directory)}, false);
    for (const FileFault& each : found.faults) CHECK(each.message.find(advice) != std::string::npos);
    CHECK(names(found).empty());
  }
  // Where only owners may replace what is theirs, as in /tmp.
  REQUIRE(::chmod(place.file("open").c_str(), 01777) == 0);
  CHECK(names(look_at({place.file("open/sources.d")}, false)) == "a");
  CHECK(look_at({place.file("sources.d")}, false).faults.empty());
}

TEST_CASE("A way that leads nowhere, or in a circle, is no matter of trust") {
  TempDir place;
  CHECK(path_trouble(place.file("none/a")).empty());
  REQUIRE(::symlink("b", place.file("a").c_str()) == 0);
  REQUIRE(::symlink("a", place.file("b").c_str()) == 0);
  CHECK(path_trouble(place.file("a")).empty());
  CHECK(path_trouble("relative").empty());
  CHECK(path_trouble("/").empty());
  CHECK(path_trouble(place.path() + "/../.././" + place.path()).empty());
}

TEST_CASE("What a group can write is refused, unless it is the owner's private group") {
  struct stat st {};
  st.st_uid = ::geteuid();
  st.st_mode = S_IFREG | 0775;
  st.st_gid = 12'345'678;
  CHECK(trust_trouble("/x", st) == "the group 12345678 can write to \"/x\": chmod g-w /x");
  if (::geteuid() != 0) return;
  st.st_gid = 0;  // root's group is named root, too
  CHECK(trust_trouble("/x", st).empty());
  st.st_gid = 1;  // daemon
  CHECK(trust_trouble("/x", st) != "");
  st.st_uid = 12'345;
  CHECK(trust_trouble("/x", st) == "\"/x\" belongs to uid 12345, who is neither you nor root");
}

TEST_CASE("A directory that is missing is a fault only where it was named") {
  TempDir directory;
  CHECK(look_at({directory.file("x")}, true).faults.empty());
  CHECK(fault(look_at({directory.file("x")}, false), directory) == "x: No such file or directory");
}

TEST_CASE("A program that was replaced is another version") {
  Place place;
  place.add_program("a");
  ProgramVersion before = place.look().sources.at("a").version;
  CHECK(place.look().sources.at("a").version == before);
  place.add_file("a", "#!/bin/sh\necho other\n", 0755);
  CHECK(place.look().sources.at("a").version != before);
}

TEST_CASE("The contents of a program are known up to a size, whatever its name and its time") {
  TempDir directory;
  auto make = [&](const std::string& name, const std::string& text, off_t bytes) {
    write(directory.file(name), text, 0755);
    REQUIRE(::truncate(directory.file(name).c_str(), bytes) == 0);
    return contents_of(directory.file(name));
  };
  auto most = static_cast<off_t>(kMostComparedBytes);
  REQUIRE(make("a", "a", most));
  CHECK(make("a", "a", most) == make("b", "a", most));
  CHECK(make("a", "a", most) != make("a", "b", most));
  CHECK_FALSE(make("a", "a", most + 1));
  CHECK_FALSE(contents_of(directory.file("none")));
  CHECK_FALSE(contents_of(directory.path()));
}
