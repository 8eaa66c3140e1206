// The first process of a run: how it comes to be, why it cannot, and what it finds.
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "consumer/sources/process_facts.h"
#include "tests/integration/forked.h"
#include "tests/integration/sources_support.h"
#include "tests/integration/stranger.h"

using namespace bus;
using namespace bus::test;
using bus::sources::Launch;

namespace {

// What a run that cannot be started says.
std::string failure_of(const std::string& program) {
  Stage stage;
  Watched run(stage, launch({program}));
  REQUIRE(run.until_gone());
  CHECK(run.story().starts_with("failed: "));
  return run.story().substr(8);
}

std::string line_of(const std::string& text, const std::string& label) {
  size_t at = text.find(label);
  if (at == std::string::npos) return "no " + label;
  size_t begin = text.find_first_not_of(" \t", at + label.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

// ---- start

TEST_CASE("A program is started, its lines are read, and its end is told with its status", "[start]") {
  Stage stage;
  Watched run(stage, launch({"/bin/sh", "-c", "echo one; echo two >&2; exit 3"}));
  CHECK(run.process().pid() > 0);
  REQUIRE(run.until_all_read());
  CHECK(run.story() == "started exited 3 ");
  CHECK(run.out() == "one\n");
  CHECK(run.err() == "two\n");
  CHECK(run.exit().reason == "exit status 3");
  CHECK_FALSE(has_children(::getpid()));
}

TEST_CASE("A program without a slash is looked for in the PATH of its own environment", "[start]") {
  Programs programs;
  programs.script("only-here", "echo found");
  Stage stage;
  Launch found = launch({"only-here"});
  found.environment = {"PATH=/nonexistent:" + programs.directory() + ":/bin"};
  Watched run(stage, std::move(found));
  REQUIRE(run.until_all_read());
  CHECK(run.out() == "found\n");

  Launch lost = launch({"only-here"});
  lost.environment = {"PATH=/bin::"};
  lost.directory = programs.directory();
  Watched other(stage, std::move(lost));
  REQUIRE(other.until_gone());
  CHECK(other.story() == "failed: only-here: there is no such program in PATH");
}

TEST_CASE("Why a program cannot be executed is said, and nothing else comes", "[start]") {
  Programs programs;
  CHECK(failure_of(programs.file("none")) == programs.file("none") + ": No such file or directory");
  CHECK(failure_of(programs.write("plain", "#!/bin/sh\n", 0644)) ==
        programs.file("plain") + ": Permission denied");
  CHECK(failure_of(programs.directory()) == programs.directory() + ": Permission denied");
  CHECK(failure_of(programs.write("text", "echo hello\n")) ==
        programs.file("text") + ": it has no #! line, and is no program of this machine");
  CHECK(failure_of(programs.write("empty", "")) ==
        programs.file("empty") + ": it has no #! line, and is no program of this machine");
  CHECK(failure_of(programs.write("lost", "#! /no/such/python -u\n")) ==
        programs.file("lost") + ": its #! line names /no/such/python, which is not there");
  CHECK(failure_of(programs.file("plain") + "/below") == programs.file("plain") + "/below: Not a directory");
  CHECK(failure_of(programs.write("with blank", "x")) ==
        "\"" + programs.file("with blank") + "\": it has no #! line, and is no program of this machine");
}

TEST_CASE("A program may be named relative to its directory", "[start]") {
  Programs programs;
  programs.script("s.sh", "echo here");
  programs.write("lost", "#!/no/such/python\n");
  Stage stage;
  auto in_directory = [&](const std::string& program) {
    sources::Launch relative = launch({program});
    relative.directory = programs.directory();
    return relative;
  };
  Watched run(stage, in_directory("./s.sh"));
  REQUIRE(run.until_all_read());
  CHECK(run.out() == "here\n");
  Watched lost(stage, in_directory("./lost"));
  REQUIRE(lost.until_gone());
  CHECK(lost.story() == "failed: ./lost: its #! line names /no/such/python, which is not there");
}

TEST_CASE("A program that is being copied in is told from a broken one", "[start]") {
  Programs programs;
  std::filesystem::copy_file("/bin/true", programs.file("copied"));
  Fd writer(::open(programs.file("copied").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  CHECK(failure_of(programs.file("copied")) ==
        programs.file("copied") + ": it is still being written (Text file busy)");
}

TEST_CASE("A directory that is not there is the reason", "[start]") {
  Stage stage;
  Launch lost = launch({"/bin/true"});
  lost.directory = "/no/such/directory";
  Watched run(stage, std::move(lost));
  REQUIRE(run.until_gone());
  CHECK(run.story() == "failed: directory /no/such/directory: No such file or directory");
}

TEST_CASE("A trampoline that cannot be executed is the reason", "[start]") {
  Stage stage({.record = "", .trampoline = "/no/such/trampoline", .cgroups = false});
  Watched run(stage, launch({"/bin/true"}));
  CHECK(run.process().pid() == -1);
  REQUIRE(run.until_gone());
  CHECK(run.story() == "failed: cannot start a process (\"/no/such/trampoline\"): No such file or directory");
}

TEST_CASE("A lack of descriptors is the reason, each time and until there are enough", "[start]") {
  struct Told : sources::Process::Owner {
    void on_started() override { told = "started"; }
    void on_could_not_start(const std::string& reason) override { told = reason; }
    void on_exited(sources::Exit, bool) override {}
    void on_all_gone() override {}
    void on_complaint(const std::string&) override {}
    std::string told;
  };
  Stage stage;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  size_t open_before = open_descriptors(::getpid());
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(Fd(::dup(0)).get());
  int refused = 0;
  for (std::string told;; ++few.rlim_cur) {
    Told owner;
    ::setrlimit(RLIMIT_NOFILE, &few);
    sources::Process process(stage.processes(), owner, launch({"/bin/true"}));
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(process.take_pipes().out.get() != STDOUT_FILENO);
    REQUIRE(stage.run_until([&] { return !owner.told.empty(); }));
    told = owner.told;
    if (told == "started") break;
    CHECK(told == "cannot make a pipe: Too many open files; raise the limit of open files: ulimit -n");
    CHECK(process.pid() == -1);
    ++refused;
  }
  // Three pipes.
  CHECK(refused >= 6);
  REQUIRE(stage.run_until([] { return !has_children(::getpid()); }));
  CHECK(open_descriptors(::getpid()) == open_before);
}

TEST_CASE("A lack of processes is the reason", "[start]") {
  if (!can_be_another()) return;
  Forked user([](const Forked::Tell& tell) {
    rlimit none{};
    if (!become(kStranger) || ::setrlimit(RLIMIT_NPROC, &none) != 0) return tell("cannot be another");
    Stage stage;
    Watched run(stage, launch({"/bin/true"}));
    run.until_gone();
    tell(run.story());
  });
  std::string told = user.read_line();
  CHECK(told.starts_with("failed: cannot start a process ("));
  CHECK(told.ends_with("): Resource temporarily unavailable"));
}

// ---- what it finds

TEST_CASE("A program finds descriptors 0, 1 and 2, and no other", "[finds]") {
  // Inherited ones, at numbers that are and are not near.
  Fd low(::open("/dev/null", O_RDONLY));
  Fd high(::fcntl(low.get(), F_DUPFD, 700));
  Stage stage;
  Watched run(stage, launch({"/bin/sh", "-c", "exec ls /proc/self/fd"}));
  REQUIRE(run.until_all_read());
  // 3 is the directory that ls reads.
  CHECK(run.out() == "0\n1\n2\n3\n");
}

TEST_CASE("A program's stdin is /dev/null, unless it reads", "[finds]") {
  Stage stage;
  Watched deaf(stage, launch({"/bin/cat"}));
  REQUIRE(deaf.until_all_read());
  CHECK(deaf.story() == "started exited 0 ");
  CHECK_FALSE(deaf.in());

  Launch reads = launch({"/bin/cat"});
  reads.reads_stdin = true;
  Watched cat(stage, std::move(reads));
  REQUIRE(cat.until_started());
  REQUIRE(::write(cat.in().get(), "hello\n", 6) == 6);
  REQUIRE(cat.until_out("hello\n"));
  cat.in().reset();
  REQUIRE(cat.until_all_read());
  CHECK(cat.story() == "started exited 0 ");
}

TEST_CASE("A program may have a socket as stdin and stdout, which waits for it", "[finds]") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  Fd ours(ends[0]);
  Stage stage;
  Launch speaks = launch({"/bin/sh", "-c", "read line; echo \"got $line\"; echo log >&2"});
  speaks.channel = Fd(ends[1]);
  Watched run(stage, std::move(speaks));
  REQUIRE(run.until_started());
  REQUIRE(::write(ours.get(), "this\n", 5) == 5);
  REQUIRE(run.until_gone());
  CHECK(run.story() == "started exited 0 ");
  char answer[64] = {};
  CHECK(::read(ours.get(), answer, sizeof answer) == 9);
  CHECK(std::string(answer) == "got this\n");
  // Nobody else has its other end open.
  CHECK(::read(ours.get(), answer, sizeof answer) == 0);
}

TEST_CASE("A program finds every signal at its default and none blocked", "[finds]") {
  // As libbusd and bus-sources have it.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  Stage stage;
  Watched run(stage, launch({"/bin/cat", "/proc/self/status"}));
  REQUIRE(run.until_all_read());
  ::sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGHUP, SIG_DFL);
  CHECK(line_of(run.out(), "SigBlk:") == "0000000000000000");
  CHECK(line_of(run.out(), "SigIgn:") == "0000000000000000");
  CHECK(line_of(run.out(), "Umask:") == "0077");
}

TEST_CASE("A program finds the environment it was given, its directory, and a usual limit of descriptors",
          "[finds]") {
  Programs programs;
  ::setenv("SECRET", "x", 1);
  Stage stage;
  Launch given = launch({"/bin/sh", "-c", "env; pwd; ulimit -Sn"});
  given.environment = {"PATH=/bin:/usr/bin", "A=b"};
  given.directory = programs.directory();
  Watched run(stage, std::move(given));
  REQUIRE(run.until_all_read());
  ::unsetenv("SECRET");
  CHECK(run.out().find("A=b\n") != std::string::npos);
  CHECK(run.out().find("BUSD_SOURCE_RUN=") != std::string::npos);
  CHECK(run.out().find("SECRET") == std::string::npos);
  CHECK(run.out().ends_with(programs.directory() + "\n1024\n"));
}

TEST_CASE("A program leads a session of its own, and has the niceness that was asked for", "[finds]") {
  Programs programs;
  Stage stage;
  Launch nice = launch({programs.nap(), "1000"});
  nice.nice = 7;
  Watched run(stage, std::move(nice));
  REQUIRE(run.until_started());
  auto facts = sources::facts_of(run.process().pid());
  REQUIRE(facts);
  CHECK(facts->session == facts->pid);
  CHECK(facts->group == facts->pid);
  CHECK(::getpriority(PRIO_PROCESS, static_cast<id_t>(run.process().pid())) == 7);
  CHECK(run.process().take_complaints().empty());
}
