// The log of a source as a file: its lines, and the one older file.
#include "consumer/sources/log_file.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace bus::sources {

TEST_CASE("A line of a log's file has its time, its run and its stream", "[log]") {
  test::TempDir directory;
  LogFile file(directory.file("log"));
  file.write(Stream::out, 3, 1'782'907'200'123, "a word");
  file.write(Stream::err, 4, 0, "another");
  CHECK(*read_file(directory.file("log"), 1000) ==
        "2026-07-01T12:00:00.123Z 3 stdout a word\n1970-01-01T00:00:00.000Z 4 stderr another\n");
}

TEST_CASE("A log's file that is full becomes the older one, and there is one of these", "[log]") {
  test::TempDir directory;
  std::string path = directory.file("log");
  std::string text(1'000'000, 'x');
  LogFile file(path);
  for (int line = 0; line < 20; ++line) file.write(Stream::out, 1, 0, text);
  // 8 lines fit.
  size_t line_bytes = text.size() + std::string_view("1970-01-01T00:00:00.000Z 1 stdout \n").size();
  CHECK(read_file(path, 2 * LogFile::kMaxBytes)->size() == 4 * line_bytes);
  CHECK(read_file(path + ".1", 2 * LogFile::kMaxBytes)->size() == 8 * line_bytes);
  CHECK_FALSE(read_file(path + ".2", 1000));
  SECTION("it goes on where it was") {
    LogFile again(path);
    again.write(Stream::out, 1, 0, text);
    CHECK(read_file(path, 2 * LogFile::kMaxBytes)->size() == 5 * line_bytes);
  }
}

TEST_CASE("A log's file that cannot be opened says why once, and goes on when it can", "[log]") {
  test::TempDir directory;
  LogFile file(directory.file("none/log"));
  CHECK(file.trouble().find("No such file or directory") != std::string::npos);
  CHECK_FALSE(file.write(Stream::out, 1, 0, "lost"));
  CHECK_FALSE(file.write(Stream::out, 1, 0, "lost, too"));
  REQUIRE(::mkdir(directory.file("none").c_str(), 0700) == 0);
  CHECK_FALSE(file.write(Stream::out, 1, 0, "kept"));
  std::string text = *read_file(directory.file("none/log"), 1000);
  CHECK(text.starts_with("1970-01-01T00:00:00.000Z 1 stderr [2 lines lost: "));
  CHECK(text.ends_with("\n1970-01-01T00:00:00.000Z 1 stdout kept\n"));
}

// A disk with no room, as far as this process sees.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    rlimit limit{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FullDisk() {
    (void)::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

TEST_CASE("A full disk costs lines, which are counted in the file when there is room again", "[log]") {
  test::TempDir directory;
  LogFile file(directory.file("log"));
  CHECK_FALSE(file.write(Stream::out, 1, 0, "first"));
  {
    FullDisk disk(60);
    CHECK(file.write(Stream::out, 1, 0, "torn"));
    CHECK(file.trouble().starts_with("there is no room for all of "));
    for (int i = 0; i < 3; ++i) CHECK_FALSE(file.write(Stream::out, 1, 0, "gone"));
  }
  CHECK_FALSE(file.write(Stream::err, 2, 0, "again"));
  CHECK_FALSE(file.write(Stream::err, 2, 0, "last"));
  std::string text = *read_file(directory.file("log"), 1000);
  std::string head = "1970-01-01T00:00:00.000Z ";
  CHECK(text.starts_with(head + "1 stdout first\n" + head.substr(0, 20) + "\n" + head +
                         "2 stderr [4 lines lost: write "));
  CHECK(text.ends_with("]\n" + head + "2 stderr again\n" + head + "2 stderr last\n"));
  SECTION("and the next time it is said again") {
    FullDisk disk(1);
    CHECK(file.write(Stream::out, 1, 0, "gone"));
    CHECK(file.trouble().find("File too large") != std::string::npos);
  }
}

}  // namespace bus::sources
