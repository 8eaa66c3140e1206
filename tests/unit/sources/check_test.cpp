// What --check says beyond the files themselves: whether there is anything to run.
#include "consumer/sources/check.h"

#include <fcntl.h>
#include <sys/stat.h>

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

std::string judged(const TempDir& directory) {
  Catalog catalog = judge({directory.path()}, false);
  CHECK(catalog.sources.size() == (catalog.faults.empty() ? 1 : 0));
  if (catalog.faults.empty()) return "fine";
  std::string all;
  for (const FileFault& fault : catalog.faults)
    all += (all.empty() ? "" : "\n") + text_of(fault).substr(directory.path().size() + 1);
  return all;
}

// The faults of a.source with this text, a line each, without its directory; "fine" without any.
std::string judged(const std::string& text) {
  TempDir directory;
  write(directory.file("a.source"), text, 0644);
  return judged(directory);
}

// The same of an executable file `a`; what stands behind its path.
std::string judged_program(const std::string& text) {
  TempDir directory;
  write(directory.file("a"), text, 0755);
  std::string said = judged(directory);
  std::string path = directory.file("a");
  for (size_t at = said.find(path); at != std::string::npos; at = said.find(path))
    said.replace(at, path.size(), "a");
  return said;
}

}  // namespace

TEST_CASE("A program that is not there or may not be executed is a fault, at the line of its command") {
  TempDir tools;
  write(tools.file("plain"), "#!/bin/sh\n", 0644);
  write(tools.file("tool"), "#!/bin/sh\n", 0755);
  REQUIRE(::mkdir(tools.file("bin").c_str(), 0700) == 0);
  REQUIRE(::mkdir(tools.file("bin/dir").c_str(), 0700) == 0);
  CHECK(judged("# first\ncommand = /nonexistent/program\n") ==
        "a.source:2: command: \"/nonexistent/program\": No such file or directory");
  CHECK(judged("command = nonexistent-program -v\n") ==
        "a.source:1: command: there is no program \"nonexistent-program\" in PATH");
  CHECK(judged("command = " + tools.file("plain") + "\n") == "a.source:1: command: \"" + tools.file("plain") +
                                                                 "\" is not executable: chmod +x " +
                                                                 tools.file("plain"));
  CHECK(judged("command = " + tools.file("bin") + "\n") ==
        "a.source:1: command: \"" + tools.file("bin") + "\" is no file that can be executed");
  CHECK(judged("command = dir\nenvironment = PATH=" + tools.file("bin") + "\n") ==
        "a.source:1: command: there is no program \"dir\" in PATH");
  CHECK(judged("command = true\n") == "fine");
  CHECK(judged("command = " + tools.file("tool") + "\n") == "fine");
}

TEST_CASE("A program is looked for from where it is started, and judged there") {
  TempDir tools;
  write(tools.file("tool"), "#!/bin/sh\n", 0755);
  std::string place = "directory = " + tools.path() + "\n";
  CHECK(judged("command = ./tool\n" + place) == "fine");
  CHECK(judged("command = tool\nenvironment = PATH=.\n" + place) == "fine");
  CHECK(judged("command = ./other\n" + place) ==
        "a.source:1: command: \"" + tools.path() + "/./other\": No such file or directory");
  CHECK(judged("command = true\ndirectory = /nonexistent\n") ==
        "a.source:2: directory: \"/nonexistent\": No such file or directory");
  REQUIRE(::chmod(tools.file("tool").c_str(), 0757) == 0);
  CHECK(judged("command = ./tool\n" + place).starts_with("a.source:1: is not run: others can write to"));
}

TEST_CASE("All that keeps a source from running is said, and nothing that only follows from it") {
  CHECK(judged("command = nothere\ndirectory = /nonexistent\n") ==
        "a.source:1: command: there is no program \"nothere\" in PATH\n"
        "a.source:2: directory: \"/nonexistent\": No such file or directory");
  CHECK(judged("command = ./there\ndirectory = /nonexistent\n") ==
        "a.source:2: directory: \"/nonexistent\": No such file or directory");
  CHECK(judged("command = nothere\nnice = 20\n") ==
        "a.source:2: nice: \"20\" is no number from -20 to 19\n"
        "a.source:1: command: there is no program \"nothere\" in PATH");
  CHECK(judged("command = ~/nothere\n") ==
        "a.source:1: command: \"~/nothere\": ~ is not expanded: write the whole path");
}

TEST_CASE("A script that the kernel cannot execute is a fault") {
  CHECK(judged_program("#!/bin/sh\n") == "fine");
  CHECK(judged_program("#! /bin/sh -e\n") == "fine");
  CHECK(judged_program("#!/bin/sh") == "fine");
  CHECK(judged_program("#!/usr/bin/env sh\n") == "fine");
  CHECK(judged_program("#!/usr/bin/env -S sh -e\n") == "fine");
  CHECK(judged_program(std::string("\177ELF\0", 5)) == "fine");
  CHECK(judged_program("echo 1\n") ==
        "a: \"a\" does not begin with a line such as #!/bin/sh, so nothing can run it");
  CHECK(judged_program("") == "a: \"a\" does not begin with a line such as #!/bin/sh, so nothing can run it");
  CHECK(judged_program("#!/nonexistent -x\n") ==
        "a: the interpreter of \"a\": \"/nonexistent\": No such file or directory");
  CHECK(judged_program("#!/usr/bin/env nonexistent-program\n") ==
        "a: the interpreter of \"a\": there is no program \"nonexistent-program\" in PATH");
  CHECK(judged_program("#!/bin/sh\r\necho 1\r\n") ==
        "a: the lines of \"a\" end with a carriage return, which #! does not allow");
}

TEST_CASE("A log-file that cannot be written is a fault, at its line") {
  TempDir place;
  REQUIRE(::mkdir(place.file("directory").c_str(), 0700) == 0);
  REQUIRE(::mkfifo(place.file("pipe").c_str(), 0600) == 0);
  for (const std::string& path :
       {place.file("directory"), place.file("pipe"), std::string("/dev/null"), place.file("none/log")}) {
    std::string said = judged("command = true\nlog-file = " + path + "\n");
    INFO(said);
    CHECK(said.starts_with("a.source:2: log-file: "));
    CHECK(said.find(path) != std::string::npos);
  }
  CHECK(judged("command = true\nlog-file = " + place.file("log") + "\n") == "fine");
  CHECK(::access(place.file("log").c_str(), F_OK) != 0);
}
