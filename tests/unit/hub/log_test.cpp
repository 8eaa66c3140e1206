#include "hub/log.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/pipe.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using bus::test::Pipe;
using bus::test::TempDir;

namespace {

std::string text_of(const std::string& path) {
  auto text = read_file(path, 1 << 24);
  return text ? *text : "";
}

// Puts `fd` in place of stderr for as long as it lives.
class StderrAs {
 public:
  explicit StderrAs(int fd) : saved_(::dup(STDERR_FILENO)) { ::dup2(fd, STDERR_FILENO); }
  ~StderrAs() { ::dup2(saved_.get(), STDERR_FILENO); }
  StderrAs(const StderrAs&) = delete;
  StderrAs& operator=(const StderrAs&) = delete;

 private:
  Fd saved_;
};

}  // namespace

TEST_CASE("Log quotes what comes from outside, so that it cannot forge a line") {
  Pipe pipe;
  {
    StderrAs redirected(pipe.write_end.get());
    Log log;
    log.write(LogLevel::warning, "bad frame",
              {{"peer", 7}, {"text", "x\nlevel=error msg=\"forged\"\x1b[2J"}});
  }
  CHECK(pipe.take() ==
        "level=warning msg=\"bad frame\" peer=7 text=\"x\\nlevel=error msg=\\\"forged\\\"\\x1b[2J\"\n");
}

TEST_CASE("Log writes what its level wants") {
  Pipe pipe;
  {
    StderrAs redirected(pipe.write_end.get());
    Log log(LogLevel::warning);
    log.write(LogLevel::info, "not this");
    log.write(LogLevel::error, "this");
  }
  CHECK(pipe.take() == "level=error msg=\"this\"\n");
}

TEST_CASE("Log puts syslog priorities before its lines only when stderr is the journal") {
  Pipe pipe;
  struct stat st {};
  REQUIRE(::fstat(pipe.write_end.get(), &st) == 0);
  std::string journal = std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
  bool is_journal = GENERATE(true, false);
  ::setenv("JOURNAL_STREAM", is_journal ? journal.c_str() : "1:1", 1);
  {
    StderrAs redirected(pipe.write_end.get());
    Log log;
    log.write(LogLevel::warning, "w");
  }
  ::unsetenv("JOURNAL_STREAM");
  CHECK(pipe.take() == std::string(is_journal ? "<4>" : "") + "level=warning msg=\"w\"\n");
}

TEST_CASE(
    "Log to a pipe that nobody reads drops lines, blocks nobody, and says how many when there is room") {
  Pipe pipe;
  StderrAs redirected(pipe.write_end.get());
  Log log;
  std::string padding(200, 'x');
  // Far more than the 64 KiB of a pipe.
  for (int i = 0; i < 2000; ++i) log.write(LogLevel::info, "line", {{"text", padding}});
  while (pipe.take().size() == 65536) {
  }
  log.write(LogLevel::info, "after");
  std::string text = pipe.take();
  CHECK(text.starts_with("level=warning msg=\"log lines lost\" lines="));
  CHECK(text.ends_with("level=info msg=\"after\"\n"));
}

TEST_CASE("Log file has times, is rotated at its size, and keeps one former file") {
  TempDir directory;
  std::string path = directory.file("hub.log");
  Log log(LogLevel::info, 1000);
  REQUIRE(log.open_file(path));
  for (int i = 0; i < 100; ++i) log.write(LogLevel::info, "line", {{"n", i}});
  std::string now_text = text_of(path);
  std::string former = text_of(path + ".1");
  CHECK(now_text.size() <= 1000);
  CHECK(former.size() <= 1000);
  CHECK(former.size() > 800);
  CHECK(now_text.ends_with("level=info msg=\"line\" n=99\n"));
  CHECK(now_text.starts_with("time=2"));
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 07777U) == 0600);
}

TEST_CASE("Log that was moved away but could not be opened anew is opened when it is full the next time") {
  TempDir dir;
  std::string path = dir.file("bus.log");
  Log log(LogLevel::info, 400);
  REQUIRE(log.open_file(path));
  auto write_until = [&](auto holds) {
    for (int i = 0; i < 100 && !holds(); ++i) log.write(LogLevel::info, "line", {{"number", i}});
    return holds();
  };
  auto moved = [&] { return ::access((path + ".1").c_str(), F_OK) == 0; };
  auto there = [&] { return ::access(path.c_str(), F_OK) == 0; };
  {
    // No descriptor left: a rename needs none, a new file does.
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    Fd lowest(::dup(STDERR_FILENO));
    rlimit none{static_cast<rlim_t>(lowest.get()), before.rlim_max};
    lowest.reset();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    bool done = write_until(moved);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE(done);
    CHECK_FALSE(there());
  }
  CHECK(write_until(there));
  log.write(LogLevel::info, "last");
  CHECK(text_of(path).find("msg=\"last\"") != std::string::npos);
}

TEST_CASE("Of a log whose room ends anywhere, each line is there as a whole or is counted") {
  TempDir directory;
  auto sigxfsz = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (size_t room = 0; room < 200; ++room) {
    std::string path = directory.file("log." + std::to_string(room));
    Log log;
    REQUIRE(log.open_file(path));
    rlimit tight{room, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    for (int i = 1; i <= 3; ++i) log.write(LogLevel::info, "line", {{"text", "quoted"}});
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    log.write(LogLevel::info, "line", {{"text", "quoted"}});

    std::ifstream file(path);
    uint64_t whole = 0;
    uint64_t lost = 0;
    for (std::string line; std::getline(file, line);) {
      line.erase(0, line.find(' ') + 1);  // its time
      whole += line == "level=info msg=\"line\" text=\"quoted\"" ? 1U : 0U;
      constexpr std::string_view kTold = "level=warning msg=\"log lines lost\" lines=";
      if (line.starts_with(kTold)) lost += std::stoull(line.substr(kTold.size()));
    }
    INFO("with room for " << room << " bytes: " << text_of(path));
    CHECK(whole + lost == 4);
  }
  std::signal(SIGXFSZ, sigxfsz);
}

TEST_CASE("Log goes on with a file that is there, and counts what it holds already") {
  TempDir directory;
  std::string path = directory.file("hub.log");
  std::ofstream(path) << std::string(990, 'x') << "\n";
  Log log(LogLevel::info, 1000);
  REQUIRE(log.open_file(path));
  log.write(LogLevel::info, "line");
  CHECK(text_of(path + ".1").size() == 991);
}

TEST_CASE("Log refuses a symlink and leaves its target untouched") {
  TempDir directory;
  std::ofstream(directory.file("precious")) << "precious";
  REQUIRE(::symlink("precious", directory.file("hub.log").c_str()) == 0);
  Log log;
  auto opened = log.open_file(directory.file("hub.log"));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::denied);
  CHECK(text_of(directory.file("precious")) == "precious");
}

TEST_CASE(
    "stderr follows the log file through rotation when it was that file, and stays alone when it was not") {
  TempDir directory;
  std::string path = directory.file("hub.log");
  auto file = open_append(path);
  REQUIRE(file);
  Pipe pipe;
  bool same = GENERATE(true, false);
  {
    StderrAs redirected(same ? file->get() : pipe.write_end.get());
    Log log(LogLevel::info, 200);
    REQUIRE(log.open_file(path));
    for (int i = 0; i < 10; ++i) log.write(LogLevel::info, "line", {{"n", i}});
    REQUIRE(::write(STDERR_FILENO, "last word\n", 10) == 10);
  }
  CHECK((text_of(path).find("last word") != std::string::npos) == same);
}
