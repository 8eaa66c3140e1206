// A command as a child: in a process group of its own, with pipes for its standard streams and nothing else of
// ours (bus-serve).
//
// The child dies with us: it is killed by the kernel when we die (prctl(2), PR_SET_PDEATHSIG), and its group is
// announced to a keeper (keeper.h) before the command runs. posix_spawn(3) can do neither, so that this forks.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "consumer/cli/error.h"

namespace bus::cli {

// Owns the descriptors, not the process.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  // Starts the command, the program first, which is looked up in PATH, with this environment, signals as a new program has them, and an empty signal mask.
  // `keeper` is where it announces its group; -1: nowhere. Returns an empty string, or what went wrong. A
  // command that cannot be run says so on its stderr and ends with 127 (there is none) or 126, as in a shell.
  [[nodiscard]] std::string start(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment, int keeper);

  pid_t group() const { return pid_; }
  int input() const { return input_; }
  int output() const { return output_; }
  int errors() const { return errors_; }
  // Readable when the command has ended; -1: the kernel gives none.
  int pid_fd() const { return pid_fd_; }

  void close_input();
  void close_output();
  void close_errors();

  // Whether the command has ended, and how: the status of waitpid(2). It is not reaped yet: its number, which
  // is its group's, stays its own.
  bool has_ended(int& status) const;
  void signal_group(int signal) const;
  void reap();
  // Whether nobody is left in the group, once the command was reaped.
  bool group_is_empty() const;

 private:
  pid_t pid_ = 0;
  int pid_fd_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
};

// What is wrong with the program that a command names, as far as can be known before it is run. Its exit status is
// the one that a shell has for it: 127 if there is none, 126 if it cannot be run.
std::optional<Error> program_fault(const std::string& program);

}  // namespace bus::cli
