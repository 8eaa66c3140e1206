#include "tests/bench/sdk_hub.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/unix_socket.h"
#include "tests/bench/sdk_stream.h"

namespace bus::sdk_bench {

namespace {

constexpr std::string_view kAck =
    "{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":true,\"capabilities\":[\"patterns\"]}"
    "\n";
constexpr std::string_view kHello =
    "{\"type\":\"hello\",\"pid\":1,\"event_key\":\"bench\",\"event_types\":[\"bench.topic\"],\"version\":"
    "\"v1\"}\n";
constexpr std::string_view kCheckAnswer = "{\"type\":\"pre_shutdown_ack\",\"last_for_key\":false}\n";
constexpr size_t kReadBytes = 262'144;
constexpr size_t kMostControlBytes = 512;  // a check or a bye

bool set_blocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

ssize_t read_some(int fd, char* into, size_t most) {
  ssize_t n = 0;
  do n = ::read(fd, into, most);
  while (n < 0 && errno == EINTR);
  return n;
}

// Byte by byte, because what follows is for somebody else.
bool skip_line(int fd) {
  char c = 0;
  while (read_some(fd, &c, 1) == 1) {
    if (c == '\n') return true;
  }
  return false;
}

// Off the one core that the parent stays on. Refused where there is no other.
void leave_the_core() {
  cpu_set_t taken;
  cpu_set_t others;
  if (::sched_getaffinity(0, sizeof taken, &taken) != 0) return;
  CPU_ZERO(&others);
  for (size_t core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &taken)) CPU_SET(core, &others);
  }
  ::sched_setaffinity(0, sizeof others, &others);
}

uint64_t send_events(int fd, uint64_t events, size_t payload_bytes) {
  EventStream stream(payload_bytes);
  while (stream.given() < events) {
    if (!write_all(fd, stream.next(events - stream.given()))) return 0;
  }
  char rest[4096];
  while (read_some(fd, rest, sizeof rest) > 0) {
  }
  return events;
}

uint64_t take_lines(int fd) {
  auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  std::string tail;  // the end of what has come; a client that sends a check waits for its answer
  uint64_t lines = 0;
  for (;;) {
    ssize_t n = read_some(fd, buffer.get(), kReadBytes);
    if (n <= 0) return lines;
    std::string_view chunk(buffer.get(), static_cast<size_t>(n));
    lines += static_cast<uint64_t>(std::count(chunk.begin(), chunk.end(), '\n'));
    tail += chunk.substr(chunk.size() - std::min(chunk.size(), kMostControlBytes));
    tail.erase(0, tail.size() - std::min(tail.size(), kMostControlBytes));
    if (!tail.ends_with("}\n")) continue;
    size_t before = tail.rfind('\n', tail.size() - 2);
    std::string_view last = std::string_view(tail).substr(before == std::string::npos ? 0 : before + 1);
    if (last.starts_with("{\"type\":\"bye\"")) return lines - 1;
    if (!last.starts_with("{\"type\":\"pre_shutdown_check\"")) continue;
    --lines;
    if (!write_all(fd, kCheckAnswer)) return lines;
  }
}

}  // namespace

void stay_on_one_core() {
  int core = ::sched_getcpu();
  if (core < 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(core), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Result<Fd> greet(const std::string& socket) {
  BUSD_ASSIGN(Fd fd, connect_unix(socket, seconds(5)));
  if (!set_blocking(fd.get()) || !write_all(fd.get(), kHello) || !skip_line(fd.get()))
    return Error{Errc::io, "the played hub does not answer"};
  return fd;
}

template <class Play>
Result<PlayedHub> PlayedHub::start(const std::string& socket, Play play) {
  ::unlink(socket.c_str());
  BUSD_ASSIGN(Fd listener, listen_unix(socket, 1));
  int ends[2];
  if (!set_blocking(listener.get()) || ::pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe2", errno);
  Fd report(ends[0]);
  Fd reporting(ends[1]);
  pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork", errno);
  if (pid > 0) return PlayedHub(pid, std::move(report));
  leave_the_core();
  Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  bool greeted = skip_line(client.get()) && write_all(client.get(), kAck);
  uint64_t count = greeted ? play(client.get()) : 0;
  bool told = ::write(reporting.get(), &count, sizeof count) == sizeof count;
  ::_exit(told ? 0 : 1);
}

Result<PlayedHub> PlayedHub::sending(const std::string& socket, uint64_t events, size_t payload_bytes) {
  return start(socket, [=](int client) { return send_events(client, events, payload_bytes); });
}

Result<PlayedHub> PlayedHub::taking(const std::string& socket) {
  return start(socket, [](int client) { return take_lines(client); });
}

PlayedHub::PlayedHub(PlayedHub&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), report_(std::move(other.report_)) {}

PlayedHub::~PlayedHub() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<uint64_t> PlayedHub::finish() {
  uint64_t count = 0;
  bool told = ::read(report_.get(), &count, sizeof count) == sizeof count;
  int status = 0;
  ::waitpid(std::exchange(pid_, 0), &status, 0);
  if (!told || status != 0) return Error{Errc::io, "the played hub failed"};
  return count;
}

}  // namespace bus::sdk_bench
