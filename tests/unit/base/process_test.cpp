#include "protocol/base/process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/refuse_calls.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using bus::test::refuse_calls;
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

// Whether `run` says so in a child process, which may change limits and the like.
bool in_child(const std::function<bool()>& run) {
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(run() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("A daemon keeps a short list of variables, and none of its starter's secrets or libraries") {
  TempDir dir;
  std::vector<const char*> dropped(kServiceVariables.begin(), kServiceVariables.end());
  // What only begins like one of the list is something else.
  for (const char* name : {"API_TOKEN", "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH_OF_MINE", "BUSD_TOKEN"})
    dropped.push_back(name);
  for (const char* name : dropped) REQUIRE(::setenv(name, "1", 1) == 0);
  REQUIRE(::setenv("LC_TIME", "C.UTF-8", 1) == 0);
  REQUIRE(::setenv("BUSD_BUS", "work", 1) == 0);
  std::string program = script(dir, "env >" + dir.file("env") + "; echo ready >&3\n");
  auto started = start_daemon(program, {}, dir.file("log"), seconds(10));
  for (const char* name : dropped) REQUIRE(::unsetenv(name) == 0);
  REQUIRE((::unsetenv("LC_TIME") == 0 && ::unsetenv("BUSD_BUS") == 0));
  REQUIRE(started);
  std::string environment = "\n" + text_of(dir.file("env"));
  for (const char* kept : {"\nPATH=", "\nLC_TIME=C.UTF-8\n", "\nBUSD_BUS=work\n"})
    CHECK(environment.find(kept) != std::string::npos);
  for (const char* name : dropped)
    CHECK(environment.find("\n" + std::string(name) + "=") == std::string::npos);
}

TEST_CASE("A daemon starts with limits, nice value, OOM score and umask of its own") {
  TempDir dir;
  std::string program = script(dir,
                               "echo files $(ulimit -Sn) cpu $(ulimit -St) umask $(umask)\n"
                               "echo nice $(cut -d' ' -f19 /proc/$$/stat) oom $(cat /proc/$$/oom_score_adj)\n"
                               "echo ready >&3\n");
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  bool may_be_nice = ::geteuid() == 0;
  bool started = in_child([&] {
    rlimit few{24, files.rlim_max};
    rlimit short_time{3600, RLIM_INFINITY};
    ::umask(0);
    Fd oom(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    return ::setrlimit(RLIMIT_NOFILE, &few) == 0 && ::setrlimit(RLIMIT_CPU, &short_time) == 0 &&
           (!may_be_nice || ::setpriority(PRIO_PROCESS, 0, 7) == 0) && write_all(oom.get(), "300") &&
           start_daemon(program, {}, dir.file("log"), seconds(10));
  });
  std::string log = text_of(dir.file("log"));
  CAPTURE(log);
  REQUIRE(started);
  CHECK(log.find("files " + std::to_string(files.rlim_max) + " cpu unlimited umask 0077\n") == 0);
  CHECK(log.find("nice 0 oom 0\n") != std::string::npos);
}

TEST_CASE("A daemon gets none of our descriptors where close_range is refused or missing") {
  struct Refusal {
    std::vector<long> calls;
    uint32_t error;
  };
  // The third machine has no /proc either, as far as a listing goes.
  for (const Refusal& refusal : {Refusal{{SYS_close_range}, EPERM}, Refusal{{SYS_close_range}, ENOSYS},
                                 Refusal{{SYS_close_range, SYS_getdents64}, ENOSYS}}) {
    TempDir dir;
    std::string program =
        script(dir,
               "for fd in 4 5 6 7 8 9 77 200; do\n"
               "  [ \"$(readlink /proc/$$/fd/$fd)\" != " +
                   dir.file("leaked") + " ] || echo \"leaked $fd\"\ndone\necho ready >&3\n");
    bool started = in_child([&] {
      Fd leaked(::open(dir.file("leaked").c_str(), O_RDWR | O_CREAT, 0600));
      if (::dup2(leaked.get(), 77) != 77 || ::dup2(leaked.get(), 200) != 200) return false;
      if (!refuse_calls(refusal.calls, refusal.error)) return false;
      // What the filter is for: the kernel does not do it.
      if (::syscall(SYS_close_range, 77U, 77U, 0U) == 0) return false;
      return start_daemon(program, {}, dir.file("log"), seconds(10)).has_value();
    });
    REQUIRE(started);
    CHECK(text_of(dir.file("log")) == "");
  }
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

TEST_CASE("A daemon does not inherit ignored signals or blocked ones") {
  TempDir dir;
  std::string program = script(dir, "grep -E '^Sig(Blk|Ign)' /proc/self/status\necho ready >&3\n");
  bool started = in_child([&] {
    for (int signal : {SIGPIPE, SIGCHLD, SIGINT, SIGHUP, SIGUSR1}) ::signal(signal, SIG_IGN);
    sigset_t blocked;
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    return start_daemon(program, {}, dir.file("log"), seconds(10)).has_value();
  });
  std::string log = text_of(dir.file("log"));
  CAPTURE(log);
  REQUIRE(started);
  CHECK(log == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("A daemon that gives a reason is reported with it") {
  TempDir dir;
  auto result = start_daemon(script(dir, "echo 'the disk is full' >&3\n"), {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::unavailable);
  CHECK(result.error().what == "the disk is full");
}

TEST_CASE("How a daemon ended before it was ready stands in the message and in its log") {
  TempDir dir;
  std::string program = script(dir, "echo oops\nexit 3\n");
  auto result = start_daemon(program, {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::unavailable);
  std::string how = program + " ended with status 3 before it was ready";
  CHECK(result.error().what == how + "; see " + printable(dir.file("log")));
  CHECK(text_of(dir.file("log")) == "oops\n" + how + "\n");
}

TEST_CASE("A daemon that a signal ended is reported with the signal") {
  TempDir dir;
  auto result = start_daemon(script(dir, "kill -KILL $$\n"), {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().what.find("was ended by signal 9 before it was ready") != std::string::npos);
}

TEST_CASE("A daemon that only closes its descriptor is reported as silent") {
  TempDir dir;
  Lifeline life(dir);
  std::string program = script(dir, "exec 9>" + life.path() + " 3>&-\nread x <" + life.path() + ".go\n");
  REQUIRE(::mkfifo((life.path() + ".go").c_str(), 0600) == 0);
  auto result = start_daemon(program, {}, dir.file("log"), seconds(10));
  REQUIRE_FALSE(result);
  CHECK(result.error().what.find("said nothing before it was ready") != std::string::npos);
  Fd end(::open((life.path() + ".go").c_str(), O_WRONLY | O_CLOEXEC));
  end.reset();
  life.wait_for_end();
}

TEST_CASE("A silent program that $BUSD_PROGRAM names is asked about by that name") {
  TempDir dir;
  REQUIRE(::setenv("BUSD_PROGRAM", "/bin/false", 1) == 0);
  auto result = start_daemon("/bin/false", {}, dir.file("log"), seconds(10));
  REQUIRE(::unsetenv("BUSD_PROGRAM") == 0);
  REQUIRE_FALSE(result);
  CHECK(result.error().what ==
        "/bin/false ended with status 1 before it was ready (is $BUSD_PROGRAM a busd?); see " +
            printable(dir.file("log")));
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
  CHECK(shell.error().what.find("sh ended with status 2 before it was ready") == 0);
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
