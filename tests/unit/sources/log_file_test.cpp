// The log of a source as a file: its lines, and the one older file.
#include "consumer/sources/log_file.h"

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

TEST_CASE("A log's file that cannot be opened says why, and loses its lines", "[log]") {
  test::TempDir directory;
  LogFile file(directory.file("none/log"));
  CHECK(file.trouble().find("No such file or directory") != std::string::npos);
  file.write(Stream::out, 1, 0, "lost");
}

}  // namespace bus::sources
