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

// The faults of a.source with this text, a line each, without its directory; "fine" without any.
std::string judged(const std::string& text) {
  TempDir directory;
  write(directory.file("a.source"), text, 0644);
  Catalog catalog = judge({directory.path()}, false);
  CHECK(catalog.sources.size() + catalog.faults.size() == 1);
  if (catalog.faults.empty()) return "fine";
  return text_of(catalog.faults.front()).substr(directory.path().size() + 1);
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
