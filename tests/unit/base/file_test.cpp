#include "protocol/base/file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using bus::test::TempDir;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st.st_mode & 07777U;
}

void write_file(const std::string& path, const std::string& text) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  REQUIRE(fd);
  REQUIRE(write_all(fd.get(), text));
}

template <class T>
void check_denied(const Result<T>& result, const std::string& part) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::denied);
  CAPTURE(result.error().what);
  CHECK(result.error().what.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("A directory of ours is created with its parents, closed to others") {
  TempDir dir;
  std::string path = dir.file("a/b/c");
  REQUIRE(ensure_own_dir(path));
  CHECK(mode_of(path) == 0700);
  CHECK(ensure_own_dir(path));
  CHECK(check_own_dir(path));
}

TEST_CASE(
    "A directory that others may write to is refused, one that they may only enter is taken; neither "
    "changes") {
  TempDir dir;
  std::string path = dir.file("open");
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  for (mode_t mode : {0720U, 0702U, 0777U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    check_denied(ensure_own_dir(path), "others may write to directory \"" + path + "\"; chmod go-w it");
    CHECK(mode_of(path) == mode);
  }
  for (mode_t mode : {0701U, 0711U, 0750U, 0755U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(ensure_own_dir(path));
    CHECK(check_own_dir(path));
    CHECK(mode_of(path) == mode);
  }
}

TEST_CASE("What is no directory of ours is refused") {
  TempDir dir;
  write_file(dir.file("file"), "x");
  check_denied(ensure_own_dir(dir.file("file")), "is not a directory");
  REQUIRE(::mkdir(dir.file("real").c_str(), 0700) == 0);
  REQUIRE(::symlink(dir.file("real").c_str(), dir.file("link").c_str()) == 0);
  check_denied(ensure_own_dir(dir.file("link")),
               "is a symlink; name the directory that it leads to: \"" + dir.file("real"));
  REQUIRE(::symlink("nowhere", dir.file("loose").c_str()) == 0);
  check_denied(ensure_own_dir(dir.file("loose")), "is a symlink; name the directory itself");
  auto none = check_own_dir(dir.file("none"));
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::unavailable);
  if (::geteuid() == 0) {
    REQUIRE(::chown(dir.file("real").c_str(), 65534, 65534) == 0);
    check_denied(ensure_own_dir(dir.file("real")),
                 "not to us (uid 0); use a directory of your own, such as /tmp/busd-0/");
  }
}

TEST_CASE("A file for appending is created private, and appended to") {
  TempDir dir;
  std::string path = dir.file("log");
  for (const char* text : {"one\n", "two\n"}) {
    auto fd = open_append(path);
    REQUIRE(fd);
    REQUIRE(write_all(fd->get(), text));
  }
  CHECK(mode_of(path) == 0600);
  CHECK(*read_file(path, 100) == "one\ntwo\n");
}

TEST_CASE("Only a regular file is opened, and nothing else is touched or waited for") {
  TempDir dir;
  write_file(dir.file("target"), "kept");
  REQUIRE(::symlink(dir.file("target").c_str(), dir.file("link").c_str()) == 0);
  REQUIRE(::symlink(dir.file("nowhere").c_str(), dir.file("dangling").c_str()) == 0);
  REQUIRE(::mkfifo(dir.file("fifo").c_str(), 0600) == 0);
  REQUIRE(::mkdir(dir.file("dir").c_str(), 0700) == 0);
  auto listener = listen_unix(dir.file("sock"), 1);
  REQUIRE(listener);
  for (auto* open : {&open_append, &try_lock_file}) {
    check_denied((*open)(dir.file("link")), "is a symlink");
    check_denied((*open)(dir.file("dangling")), "is a symlink");
    check_denied((*open)(dir.file("fifo")), "is not a regular file");
    check_denied((*open)(dir.file("dir")), "is not a regular file");
    check_denied((*open)(dir.file("sock")), "is not a regular file");
  }
  CHECK(*read_file(dir.file("target"), 100) == "kept");
  struct stat st {};
  CHECK(::lstat(dir.file("nowhere").c_str(), &st) != 0);
}

TEST_CASE("A lock is held by one, and free again when its descriptor goes") {
  TempDir dir;
  std::string path = dir.file("x.lock");
  {
    auto held = try_lock_file(path);
    REQUIRE(held);
    CHECK(mode_of(path) == 0600);
    auto second = try_lock_file(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::busy);
  }
  CHECK(try_lock_file(path));
}

TEST_CASE("A lock outlives its file's name: whoever finds a new file there locks that one") {
  TempDir dir;
  std::string path = dir.file("x.lock");
  auto first = try_lock_file(path);
  REQUIRE(first);
  REQUIRE(::unlink(path.c_str()) == 0);
  auto second = try_lock_file(path);
  REQUIRE(second);
  struct stat locked {};
  struct stat there {};
  REQUIRE(::fstat(second->get(), &locked) == 0);
  REQUIRE(::lstat(path.c_str(), &there) == 0);
  CHECK(locked.st_ino == there.st_ino);
}

TEST_CASE("A lock is not inherited by programs that are run") {
  TempDir dir;
  auto held = try_lock_file(dir.file("x.lock"));
  REQUIRE(held);
  CHECK((::fcntl(held->get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("A file is read up to its limit and refused one byte above") {
  TempDir dir;
  std::string path = dir.file("f");
  write_file(path, std::string(40'000, 'x'));
  CHECK(read_file(path, 40'000)->size() == 40'000);
  auto above = read_file(path, 39'999);
  REQUIRE_FALSE(above);
  CHECK(above.error().code == Errc::too_long);
  CHECK(read_file(dir.file("none"), 10).error().code == Errc::unavailable);
}

TEST_CASE("write_all writes all, and names the failure") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  std::string text(1'000'000, 'x');
  pid_t child = ::fork();
  if (child == 0) {
    reader.reset();
    ::_exit(write_all(writer.get(), text) ? 0 : 1);
  }
  REQUIRE(child > 0);
  writer.reset();
  size_t got = 0;
  char chunk[65536];
  for (ssize_t n = 0; (n = ::read(reader.get(), chunk, sizeof chunk)) > 0;) got += static_cast<size_t>(n);
  CHECK(got == text.size());
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK_FALSE(write_all(-1, "x"));
}

TEST_CASE("The parent of a path is found by its slashes") {
  CHECK(parent_dir("a/b/c") == "a/b");
  CHECK(parent_dir("c") == ".");
  CHECK(parent_dir("/c") == "/");
  CHECK(parent_dir("/a/c") == "/a");
}
