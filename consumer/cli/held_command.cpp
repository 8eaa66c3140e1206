#include "consumer/cli/held_command.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "consumer/cli/exit_code.h"

namespace bus::cli {

namespace {

sigset_t passed_on() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : std::array{SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
  return set;
}

// Between fork and exec. Handlers end with exec; what this program ignores for itself does not (signals.h).
[[noreturn]] void become_command(char* const* arguments, char* const* environment, pid_t parent,
                                 bool dies_with_us) {
  if (dies_with_us) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(ended_by_signal(SIGTERM));  // it died before that
  }
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvpe(arguments[0], arguments, environment);
  int fault = errno;
  dprintf(STDERR_FILENO, "bus-value: cannot run %s: %s\n", arguments[0], std::strerror(fault));
  _exit(fault == ENOENT ? kNoCommand : kCannotRun);
}

std::vector<char*> pointers_of(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execvpe(3) takes what it does not change as if it did.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

HeldCommand::~HeldCommand() {
  if (pid_fd_ >= 0) close(pid_fd_);
  if (signals_ >= 0) close(signals_);
}

void HeldCommand::take_over_signals() {
  sigset_t set = passed_on();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

std::string HeldCommand::start(const std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment, bool dies_with_us) {
  std::vector<char*> argument_pointers = pointers_of(arguments);
  std::vector<char*> environment_pointers = pointers_of(environment);
  pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become_command(argument_pointers.data(), environment_pointers.data(), parent, dies_with_us);
  if (pid_ < 0) return std::string("the command could not be started: ") + std::strerror(errno);
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  return {};
}

void HeldCommand::pass_on_signals() const {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == sizeof info) {
    // The kernel's own come from the terminal, which has sent them to the whole process group.
    if (info.ssi_code <= 0) kill(pid_, static_cast<int>(info.ssi_signo));
  }
}

void HeldCommand::terminate() const { kill(pid_, SIGTERM); }

bool HeldCommand::has_ended(int& status) {
  pid_t ended = waitpid(pid_, &status, WNOHANG);
  return ended == pid_;
}

}  // namespace bus::cli
