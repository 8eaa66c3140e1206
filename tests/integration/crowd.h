// Programs that consume one scope, each with a clean-up that writes a line to stderr, and end together.
//
// BUSD_LEAVING_ROUNDS=N sets how many rounds each test runs; then all of them are of ten.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

inline constexpr const char* kRoundsVariable = "BUSD_LEAVING_ROUNDS";

inline int rounds() {
  const char* given = std::getenv(kRoundsVariable);
  return given == nullptr ? 20 : static_cast<int>(parse_u64(given).value_or(20));
}

// Most races are between two; a few rounds are of ten.
inline size_t crowd_size(int round) {
  return std::getenv(kRoundsVariable) != nullptr || round % 5 == 4 ? 10 : 2;
}

inline void wait_until_empty(const HubProcess& hub, uint64_t uncleaned = 0) {
  StatusResponse status = hub.wait_for_status([](const StatusResponse& s) { return s.consumers.empty(); });
  CHECK(status.connections.uncleaned == uncleaned);
  CHECK(status.cleanup_locks.empty());
}

inline std::string program(const std::string& name) { return std::string(BUSD_BIN_DIR) + "/" + name; }

inline ChildOptions on(const HubProcess& hub) {
  ChildOptions options;
  options.environment = {{"BUSD_SOCKET", hub.socket()}, {"BUSD_NO_START", "1"}};
  return options;
}

inline int count_of(const std::string& what, const std::string& text) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// bus-consume, with its clean-up.
inline std::vector<std::string> consumes(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"k", "--last", "echo CLEANED"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

struct Crowd {
  std::vector<std::unique_ptr<Child>> members;

  void add(const HubProcess& hub, const std::vector<std::string>& more, ChildOptions options = {}) {
    options.environment = on(hub).environment;
    members.push_back(std::make_unique<Child>(program("bus-consume"), consumes(more), std::move(options)));
  }
  void wait_until_ready() const {
    for (const auto& each : members) each->wait_for_errors("[bus] ready");
  }
  // How many have written this.
  int count(const std::string& text) const {
    int count = 0;
    for (const auto& each : members) count += each->errors().find(text) == std::string::npos ? 0 : 1;
    return count;
  }
  // Waits for the end of all, and returns how many cleaned up.
  int cleaned() const {
    for (const auto& each : members) each->wait();
    return count("CLEANED");
  }
};

// The same as the job in the foreground of a terminal, where ctrl-C reaches all of it.
class Terminal {
 public:
  Terminal(const HubProcess& hub, size_t count) : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(::grantpt(master_.get()) == 0);
    REQUIRE(::unlockpt(master_.get()) == 0);
    std::string name = ::ptsname(master_.get());
    ChildOptions options = on(hub);
    // All write there at the same time, so it has to be a file that each write extends.
    options.stderr_path = directory_.file("errors");
    options.in_child = [name] {
      ::setsid();
      static_cast<void>(::open(name.c_str(), O_RDWR));  // it is the session's terminal from here on
    };
    // Without job control all are in the shell's group; what runs in its background is born with SIGINT ignored.
    std::string script = "trap : INT; for i in $(seq " + std::to_string(count) +
                         "); do env --default-signal=INT \"$@\" & pids=\"$pids $!\"; done; "
                         "for pid in $pids; do while kill -0 $pid 2>/dev/null; do wait $pid; done; done";
    std::vector<std::string> arguments{"-c", script, "crowd", program("bus-consume")};
    for (const std::string& each : consumes({})) arguments.push_back(each);
    shell_ = std::make_unique<Child>("sh", arguments, std::move(options));
    for (size_t ready = 1; ready <= count; ++ready) wait_for_ready(static_cast<int>(ready));
  }
  void press_ctrl_c() const { REQUIRE(::write(master_.get(), "\3", 1) == 1); }
  int cleaned() {
    shell_->wait();
    return count_of("CLEANED", shell_->errors());
  }

 private:
  void wait_for_ready(int count) {
    // The first so many lines, whatever stands between them.
    std::string errors = shell_->errors();
    while (count_of("[bus] ready", errors) < count) {
      shell_->wait_for_errors(errors + "[bus] ");
      errors = shell_->errors();
    }
  }

  TempDir directory_;
  Fd master_;
  std::unique_ptr<Child> shell_;
};

}  // namespace bus::test
