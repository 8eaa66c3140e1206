// No room for the log: serving goes on, what could not be written is counted, and the count is told when
// there is room again.
//
// Once on a real full disk, a tiny file system of the hub's own (needs root), and once at the limit of a
// file's size (ulimit -f), which every user can reach.
#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"

using namespace bus;
using namespace bus::test;

namespace {

std::string text_of(const std::string& path) {
  auto text = read_file(path, 16 * 1024 * 1024);
  if (!text) FAIL(text.error().what);
  return *text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    out.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

// Two lines of each client at log level debug, "joined" and "left".
constexpr size_t kLinesPerClient = 2;

void leave(RawClient& client) {
  client.send_line(R"({"type":"bye"})");
  client.expect_eof();
}

void come_and_go(const HubProcess& hub, int clients) {
  for (int i = 0; i < clients; ++i) {
    RawClient client(hub.socket());
    client.hello("k");
    leave(client);
  }
  // The lines of a turn are written at its end, hence before another turn's answer.
  hub.status();
}

// Two clients.
void expect_serving(const HubProcess& hub) {
  RawClient consumer(hub.socket());
  consumer.hello("served", {"t"});
  RawClient source(hub.socket());
  source.hello("served");
  source.send_line(R"({"type":"event","event_type":"t","payload":1})");
  CHECK(consumer.read_as<Event>().payload == "1");
  leave(source);
  leave(consumer);
  hub.status();
}

// The log of a hub that `come_and_go` has filled beyond its room, after there is room again: whole lines, and
// what is missing is told as a number.
void expect_account(const std::string& log, size_t expected_lines) {
  constexpr std::string_view kBegin = "time=2";
  constexpr std::string_view kTold = "msg=\"log lines lost\" lines=";
  size_t lost = 0;
  size_t reports = 0;
  std::vector<std::string> lines = lines_of(log);
  size_t whole = 0;
  for (const std::string& line : lines) {
    // A part of a line, were it one byte, is what the full disk left; what comes after it begins a new one.
    INFO("line: " << line);
    CHECK(line.substr(0, kBegin.size()) == kBegin.substr(0, line.size()));
    CHECK(line.find(kBegin, 1) == std::string::npos);
    size_t told = line.find(kTold);
    if (told != std::string::npos) {
      auto number = parse_u64(line.substr(told + kTold.size()));
      REQUIRE(number);
      lost += *number;
      ++reports;
    } else if (line.find("msg=\"joined\"") != std::string::npos ||
               line.find("msg=\"left\"") != std::string::npos) {
      // Its text stands last.
      size_t text = line.find(" text=\"");
      if (text != std::string::npos && line.size() > text + 7 && line.ends_with("\"")) ++whole;
    }
  }
  CHECK(reports == 1);
  CHECK(lost > 0);
  CHECK(whole + lost == expected_lines);
}

// Private to the process that calls it.
bool mount_tiny_disk(const char* path) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tiny", path, "tmpfs", 0, "size=32k,mode=0700") == 0;
}

// Whether this user may do so here.
bool can_mount(const TempDir& directory) {
  ChildOptions options;
  std::string path = directory.path();
  options.in_child = [path] { ::_exit(mount_tiny_disk(path.c_str()) ? 0 : 1); };
  return run("/bin/true", {}, std::move(options)).status.code == 0;
}

}  // namespace

TEST_CASE("A hub whose log is on a full disk serves on, and tells what it could not write when there is room",
          "[disk]") {
  TempDir disk;
  if (!can_mount(disk)) {
    std::puts("SKIPPED: mounting a file system needs root (CAP_SYS_ADMIN)");
    return;
  }
  ChildOptions options;
  std::string mounted = disk.path();
  options.in_child = [mounted] {
    if (!mount_tiny_disk(mounted.c_str())) ::_exit(126);
  };
  HubProcess hub({"--log-level", "debug", "--log-file", disk.file("hub.log")}, std::move(options));
  // As the hub sees its disk.
  std::string inside = "/proc/" + std::to_string(hub.pid()) + "/root" + disk.path();
  // Another file takes the most of it, and leaves room for a few dozen lines.
  std::string ballast = inside + "/ballast";
  {
    Fd fd(::open(ballast.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(fd);
    REQUIRE(write_all(fd.get(), std::string(20 * 1024, 'b')));
  }
  come_and_go(hub, 200);
  expect_serving(hub);
  CHECK(text_of(inside + "/hub.log").find("log lines lost") == std::string::npos);

  REQUIRE(::unlink(ballast.c_str()) == 0);
  come_and_go(hub, 1);
  std::string log = text_of(inside + "/hub.log");
  INFO(log);
  // 201 clients, and the two of expect_serving: of its source, which sent no hello, nothing is said before it
  // leaves.
  expect_account(log, kLinesPerClient * 203);
  hub.stop();
}

TEST_CASE("A log that may grow no further does not end the hub, and is gone on with when it may", "[limit]") {
  TempDir directory;
  std::string path = directory.file("hub.log");
  ChildOptions options;
  options.in_child = [] {
    // The soft one alone, so that anybody may raise it again.
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 6000;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  };
  HubProcess hub(directory, {"--log-level", "debug", "--log-file", path}, std::move(options));
  come_and_go(hub, 100);
  expect_serving(hub);
  CHECK(text_of(path).size() <= 6000);
  CHECK(text_of(path).find("log lines lost") == std::string::npos);

  rlimit limit{};
  REQUIRE(::prlimit(hub.pid(), RLIMIT_FSIZE, nullptr, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::prlimit(hub.pid(), RLIMIT_FSIZE, &limit, nullptr) == 0);
  come_and_go(hub, 1);
  std::string log = text_of(path);
  expect_account(log, kLinesPerClient * 103);
  hub.stop();
}
