#include "protocol/base/process.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using bus::test::TempDir;

namespace {

// A shell script in place of the daemon.
std::string script(const TempDir& dir, const std::string& body) {
  std::string path = dir.file("daemon");
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));
  REQUIRE(fd);
  REQUIRE(write_all(fd.get(), "#!/bin/sh\n" + body));
  return path;
}

std::string text_of(const std::string& path) {
  auto text = read_file(path, 100'000);
  REQUIRE(text);
  return *text;
}

// A pipe whose end in a daemon shows that the daemon lives: it reads EOF when the last holder of the FIFO is
// gone.
class Lifeline {
 public:
  explicit Lifeline(const TempDir& dir) : path_(dir.file("life")) {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(fd_);
  }
  const std::string& path() const { return path_; }
  void wait_for_end() {
    pollfd waiting{fd_.get(), 0, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
    CHECK((waiting.revents & POLLHUP) != 0);
  }

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace

TEST_CASE("A daemon has our environment, but for what a service manager told us alone") {
  TempDir dir;
  for (const char* name : kServiceVariables) REQUIRE(::setenv(name, "1", 1) == 0);
  // What only begins like one of them is something else.
  REQUIRE(::setenv("LISTEN_PID_OF_MINE", "kept", 1) == 0);
  std::string program = script(dir, "env >" + dir.file("env") + "; echo ready >&3\n");
  auto started = start_daemon(program, {}, dir.file("log"), seconds(10));
  for (const char* name : kServiceVariables) REQUIRE(::unsetenv(name) == 0);
  REQUIRE(::unsetenv("LISTEN_PID_OF_MINE") == 0);
  REQUIRE(started);
  std::string environment = "\n" + text_of(dir.file("env"));
  CHECK(environment.find("\nPATH=") != std::string::npos);
  CHECK(environment.find("\nLISTEN_PID_OF_MINE=kept\n") != std::string::npos);
  for (const char* name : kServiceVariables)
    CHECK(environment.find("\n" + std::string(name) + "=") == std::string::npos);
}

TEST_CASE("A daemon that says ready is started") {
  TempDir dir;
  std::string program = script(dir, "echo ready >&3\n");
  CHECK(start_daemon(program, {}, dir.file("log"), seconds(10)));
}

TEST_CASE("A daemon gets its arguments, and is told its descriptor") {
  TempDir dir;
  std::string program = script(dir, "printf '[%s]' \"$@\"\necho ready >&3\n");
  REQUIRE(start_daemon(program, {"--a", "b c", ""}, dir.file("log"), seconds(10)));
  CHECK(text_of(dir.file("log")) == "[--a][b c][][--ready-fd][3]");
  struct stat st {};
  REQUIRE(::stat(dir.file("log").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777U) == 0600);
}

TEST_CASE("A daemon has a session of its own, / as cwd, no input, and none of our descriptors") {
  TempDir dir;
  Fd leaked(::open(dir.file("leaked").c_str(), O_RDWR | O_CREAT, 0600));
  REQUIRE(leaked);
  std::string program = script(dir,
                               "pwd\nread line || echo no-input\n"
                               "ls -l /proc/$$/fd\n"
                               "echo sid $(cut -d' ' -f6 /proc/$$/stat)\n"
                               "echo ready >&3\n");
  REQUIRE(start_daemon(program, {}, dir.file("log"), seconds(10)));
  std::string log = text_of(dir.file("log"));
  CAPTURE(log);
  CHECK(log.find("/\nno-input\n") == 0);
  CHECK(log.find("0 -> /dev/null") != std::string::npos);
  CHECK(log.find("2 -> " + dir.file("log")) != std::string::npos);
  CHECK(log.find(dir.file("leaked")) == std::string::npos);
  CHECK(log.find("sid " + std::to_string(::getsid(0)) + "\n") == std::string::npos);
}

TEST_CASE("A daemon does not inherit ignored SIGPIPE or a blocked signal") {
  TempDir dir;
  auto before = ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t old_mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &old_mask);
  std::string program = script(dir, "grep -E '^Sig(Blk|Ign)' /proc/self/status\necho ready >&3\n");
  auto started = start_daemon(program, {}, dir.file("log"), seconds(10));
  sigprocmask(SIG_SETMASK, &old_mask, nullptr);
  ::signal(SIGPIPE, before);
  REQUIRE(started);
  std::string log = text_of(dir.file("log"));
  CAPTURE(log);
  CHECK(log.find("SigBlk:\t0000000000000000") != std::string::npos);
  size_t ignored = log.find("SigIgn:\t");
  REQUIRE(ignored != std::string::npos);
  auto mask = std::strtoull(log.c_str() + ignored + 8, nullptr, 16);
  CHECK((mask & (1ULL << (SIGPIPE - 1))) == 0);
}

TEST_CASE("A daemon that gives a reason is reported with it") {
  TempDir dir;
  auto result = start_daemon(script(dir, "echo 'the disk is full' >&3\n"), {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::unavailable);
  CHECK(result.error().what == "the disk is full");
}

TEST_CASE("A daemon that ends without a word is reported with its log") {
  TempDir dir;
  auto result = start_daemon(script(dir, "echo oops\nexit 3\n"), {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::unavailable);
  CHECK(result.error().what.find("ended without a reason") != std::string::npos);
  CHECK(result.error().what.find(dir.file("log")) != std::string::npos);
  CHECK(text_of(dir.file("log")) == "oops\n");
}

TEST_CASE("A program that cannot be run is reported with the reason") {
  TempDir dir;
  auto result = start_daemon(dir.file("none"), {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::unavailable);
  CHECK(result.error().what == "cannot run " + dir.file("none") + ": No such file or directory");
}

TEST_CASE("A program without a slash is looked up in PATH") {
  TempDir dir;
  auto result = start_daemon("no-such-program-anywhere", {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().what.find("cannot run no-such-program-anywhere") == 0);
  // sh takes --ready-fd for an option that it does not know, and ends without a word on descriptor 3.
  auto shell = start_daemon("sh", {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(shell);
  CHECK(shell.error().what.find("ended without a reason") != std::string::npos);
}

TEST_CASE("A daemon that stays silent is ended when the patience runs out") {
  TempDir dir;
  Lifeline life(dir);
  auto result = start_daemon(script(dir, "exec 9>" + life.path() + "\nexec sleep 100\n"), {}, dir.file("log"),
                             milliseconds(300));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::timed_out);
  life.wait_for_end();
}

TEST_CASE("A daemon outlives its start, and is not our child") {
  TempDir dir;
  Lifeline life(dir);
  // It lives until the file `go` can be read: a FIFO that the test opens for writing.
  std::string go = dir.file("go");
  REQUIRE(::mkfifo(go.c_str(), 0600) == 0);
  std::string program =
      script(dir, "exec 9>" + life.path() + "\necho $$\necho ready >&3\nexec 3>&-\nread x <" + go + "\n");
  REQUIRE(start_daemon(program, {}, dir.file("log"), seconds(10)));
  auto pid = parse_u64(text_of(dir.file("log")).substr(0, text_of(dir.file("log")).find('\n')));
  REQUIRE(pid);
  CHECK(::kill(static_cast<pid_t>(*pid), 0) == 0);
  std::string stat = text_of("/proc/" + std::to_string(*pid) + "/stat");
  CHECK(stat.find(") S " + std::to_string(::getpid()) + " ") == std::string::npos);
  Fd end(::open(go.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(end);
  end.reset();
  life.wait_for_end();
}

TEST_CASE("A log that is a symlink is refused, and nothing is started") {
  TempDir dir;
  REQUIRE(::symlink("/dev/null", dir.file("log").c_str()) == 0);
  std::string program = script(dir, "touch " + dir.file("ran") + "\necho ready >&3\n");
  auto result = start_daemon(program, {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::denied);
  struct stat st {};
  CHECK(::stat(dir.file("ran").c_str(), &st) != 0);
}

TEST_CASE("A daemon starts from a caller whose standard descriptors are closed") {
  TempDir dir;
  std::string program = script(dir, "echo started\necho ready >&3\n");
  int saved[3];
  for (int fd = 0; fd < 3; ++fd) {
    saved[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, 100);
    ::close(fd);
  }
  auto result = start_daemon(program, {}, dir.file("log"), seconds(10));
  for (int fd = 0; fd < 3; ++fd) {
    if (saved[fd] < 0) continue;
    ::dup2(saved[fd], fd);
    ::close(saved[fd]);
  }
  CHECK(result);
  CHECK(text_of(dir.file("log")) == "started\n");
}
