// The command of bus-value put --while: in our process group and on our standard streams, so that a terminal treats
// both as one, and signalled by us.
//
// From start() to the end of the process, SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked here and read from a
// descriptor: what somebody sends to us is passed on, while what the terminal sends has reached the command already.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace bus::cli {

class HeldCommand {
 public:
  HeldCommand() = default;
  HeldCommand(const HeldCommand&) = delete;
  HeldCommand& operator=(const HeldCommand&) = delete;
  ~HeldCommand();

  // Blocks the signals. To be called before the last look at whether one has been caught.
  void take_over_signals();
  // The program is looked up in PATH. `dies_with_us`: it gets SIGTERM when this process dies. Returns an empty
  // string, or what went wrong.
  [[nodiscard]] std::string start(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment, bool dies_with_us);

  // Readable when it has ended.
  int pid_fd() const { return pid_fd_; }
  // Readable when there are signals for pass_on_signals().
  int signals() const { return signals_; }
  void pass_on_signals() const;
  void terminate() const;
  // Whether it has ended, and then its status, as waitpid(2) has it.
  bool has_ended(int& status);

 private:
  pid_t pid_ = 0;
  int pid_fd_ = -1;
  int signals_ = -1;
};

}  // namespace bus::cli
