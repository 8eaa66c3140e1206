// A few words for tests of values with the real daemon: a client that asks, clocks that are set, and a disk that hangs.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

// The number that stands at `"name":`; fails without one.
inline uint64_t number_in(const std::string& line, const std::string& name) {
  INFO(line);
  size_t at = line.find("\"" + name + "\":");
  REQUIRE(at != std::string::npos);
  at += name.size() + 3;
  auto number = parse_u64(std::string_view(line).substr(at, line.find_first_not_of("0123456789", at) - at));
  REQUIRE(number);
  return *number;
}

inline std::string text_in(const std::string& line, const std::string& name) {
  INFO(line);
  size_t at = line.find("\"" + name + "\":\"");
  REQUIRE(at != std::string::npos);
  at += name.size() + 4;
  return line.substr(at, line.find('"', at) - at);
}

inline bool has(const std::string& line, std::string_view part) {
  return line.find(part) != std::string::npos;
}

// A connection that asks for one thing at a time.
class ValueClient {
 public:
  explicit ValueClient(const std::string& socket) : client_(socket) {}

  RawClient& raw() { return client_; }
  void send_put(const std::string& key, const std::string& value, const std::string& more = {}) {
    client_.send_line(R"({"type":"put","id":"p","key":")" + key + "\"" + more + R"(,"value":)" + value + "}");
  }
  // The answer, whatever it is.
  std::string put(const std::string& key, const std::string& value, const std::string& more = {}) {
    send_put(key, value, more);
    return client_.read_line();
  }
  // Which version it made; fails when it is refused.
  uint64_t must_put(const std::string& key, const std::string& value, const std::string& more = {}) {
    std::string answer = put(key, value, more);
    INFO(answer);
    REQUIRE_FALSE(has(answer, "\"error\""));
    return number_in(answer, "version");
  }
  uint64_t must_delete(const std::string& key) {
    client_.send_line(R"({"type":"delete","id":"d","key":")" + key + "\"}");
    std::string answer = client_.read_line();
    INFO(answer);
    REQUIRE_FALSE(has(answer, "\"error\""));
    return number_in(answer, "version");
  }
  std::string get(const std::string& key) {
    client_.send_line(R"({"type":"get","id":"g","key":")" + key + "\"}");
    return client_.read_line();
  }
  // Without its snapshot, with `more` members.
  void send_watch(const std::string& keys, const std::string& more = {}) {
    client_.send_line(R"({"type":"watch","id":"w","keys":[")" + keys + "\"]" + more + "}");
  }
  // Everything up to `synced`, which is the last line.
  std::vector<std::string> watch(const std::string& keys, const std::string& more = {}) {
    send_watch(keys, more);
    std::vector<std::string> lines;
    do {
      lines.push_back(client_.read_line());
      INFO(lines.back());
      REQUIRE_FALSE(has(lines.back(), "\"error\""));
    } while (!has(lines.back(), R"("type":"synced")"));
    return lines;
  }

 private:
  RawClient client_;
};

// A structure in a file that a preloaded library maps, too.
template <class T>
class SharedFile {
 public:
  SharedFile() : path_(directory_.file("shared")) {
    int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(::ftruncate(fd, sizeof(T)) == 0);
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    REQUIRE(memory != MAP_FAILED);
    shared_ = static_cast<T*>(memory);
  }
  ~SharedFile() { ::munmap(shared_, sizeof(T)); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  T* operator->() { return shared_; }
  const std::string& path() const { return path_; }

 private:
  TempDir directory_;
  std::string path_;
  T* shared_ = nullptr;
};

inline ChildOptions preloaded(const char* library, const char* variable, const std::string& file) {
  ChildOptions out;
  out.environment = {{"LD_PRELOAD", library}, {variable, file}};
#ifdef __SANITIZE_ADDRESS__
  // ASan wants to be the first library, unless told otherwise; what is preloaded allocates nothing before it.
  const char* options = std::getenv("ASAN_OPTIONS");
  std::string asan = (options == nullptr ? "" : std::string(options) + ":") + "verify_asan_link_order=0";
  out.environment.emplace_back("ASAN_OPTIONS", asan);
#endif
  return out;
}

// Clocks of a hub, which the test sets (clock_jump.c).
class Clocks {
 public:
  ChildOptions options() const { return preloaded(BUSD_CLOCK_JUMP, "CLOCK_JUMP_FILE", jumps_.path()); }
  void set_wall_ahead(int64_t sec) { jumps_->wall_sec = sec; }
  // While no hub runs.
  void pass(int64_t sec) { jumps_->boot_sec += sec; }
  // The machine sleeps for so long; the hub is told when it wakes.
  void sleep(HubProcess& hub, int64_t sec) {
    pass(sec);
    REQUIRE(::kill(hub.pid(), SIGUSR1) == 0);
  }

 private:
  struct Jumps {
    std::atomic<int64_t> wall_sec;
    std::atomic<int64_t> boot_sec;
  };
  SharedFile<Jumps> jumps_;
};

// The disk of a hub's store (slow_disk.c).
class Disk {
 public:
  ChildOptions options() const { return preloaded(BUSD_SLOW_DISK, "SLOW_DISK_FILE", disk_.path()); }
  void set_delay(Duration delay) { disk_->delay_ms = static_cast<int32_t>(to_ms(delay)); }
  void set_error(int error) { disk_->error = error; }
  void hang() { disk_->hangs = 1; }
  void go_on() { disk_->hangs = 0; }
  // Until a call waits; there is nothing to be woken by.
  void wait_for_a_call() {
    TimePoint deadline = now() + kPatience;
    while (disk_->waiting == 0) {
      REQUIRE(now() < deadline);
      ::usleep(1000);
    }
  }
  ~Disk() { go_on(); }

 private:
  struct State {
    std::atomic<int32_t> delay_ms;
    std::atomic<int32_t> hangs;
    std::atomic<int32_t> error;
    std::atomic<int32_t> waiting;
  };
  SharedFile<State> disk_;
};

}  // namespace bus::test
