// A process beside bus-serve that ends the commands which bus-serve leaves behind, however it ends: also by
// SIGKILL, and by a second signal. It reads the process groups of commands from a pipe that bus-serve alone
// holds open; when that closes, it kills those that are left.
//
// A process that has left its command's group (setsid(1)) is not reached.
#pragma once

#include <sys/types.h>

namespace bus::cli {

class Keeper {
 public:
  Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  // The groups that are left are killed.
  ~Keeper();

  // Starts it. False: errno says why.
  [[nodiscard]] bool start();

  // Where a child announces its group.
  int fd() const { return fd_; }

  // Async-signal-safe; for the child itself, before it runs its command.
  static void announce(int fd, pid_t group);
  // The group has ended.
  void forget(pid_t group) const { announce(fd_, -group); }

 private:
  pid_t pid_ = 0;
  int fd_ = -1;
};

}  // namespace bus::cli
