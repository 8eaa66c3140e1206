// A child process of a test: started with chosen arguments, waited for with a bound, never left behind.
//
// Knows nothing of hubs; hub_fixture.h does.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"

namespace bus::test {

// Every wait of a test is bounded by this, and fails with what did arrive.
inline constexpr Duration kPatience = seconds(10);

struct ExitStatus {
  int code = -1;   // exit code; -1 when a signal ended it
  int signal = 0;  // 0 when it exited
  bool operator==(const ExitStatus&) const = default;
};

struct ChildOptions {
  // Added to (or replacing) the test's own environment. BUSD_* and XDG_RUNTIME_DIR of the user are never
  // passed on.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string input;        // what stands on its stdin; empty: /dev/null
  std::string directory;    // its working directory; empty: the test's
  std::string stdout_path;  // files that receive its output; empty: kept, see output() and errors()
  std::string stderr_path;
  std::vector<std::pair<int, int>> descriptors;  // {ours, its number in the child}
  std::function<void()> in_child;                // between fork and exec, for limits and ids
};

class Child {
 public:
  // Looks `program` up in PATH when it has no slash. Fails the test when it cannot be started.
  Child(const std::string& program, const std::vector<std::string>& arguments, ChildOptions options = {});
  ~Child();  // SIGKILL by its pid if it still runs, and reaps
  Child(Child&&) noexcept;
  Child& operator=(Child&&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  // Its end; fails the test with its output if that does not come in time.
  ExitStatus wait(Duration patience = kPatience);

  std::string output() const;  // stdout so far
  std::string errors() const;  // stderr so far
  // Waits until stdout or stderr holds `text`.
  void wait_for_output(const std::string& text, Duration patience = kPatience);
  void wait_for_errors(const std::string& text, Duration patience = kPatience);

 private:
  pid_t pid_ = -1;
  Fd pidfd_;
  bool reaped_ = false;
  ExitStatus status_;
  std::string name_;
  Fd out_file_;
  Fd err_file_;
};

struct RunResult {
  ExitStatus status;
  std::string output;
  std::string errors;
};

// Runs a program to its end.
RunResult run(const std::string& program, const std::vector<std::string>& arguments,
              ChildOptions options = {}, Duration patience = kPatience);

// A descriptor that becomes readable when the process `pid` ends (pidfd_open(2)).
Fd watch_process(pid_t pid);

// Number of open descriptors of `pid`, and whether it has children.
size_t open_descriptors(pid_t pid);
bool has_children(pid_t pid);

// True once the process `pid` is stopped or running, as /proc tells ('T', 'S', 'R', …); waits for it,
// bounded.
void wait_for_state(pid_t pid, char state);

}  // namespace bus::test
