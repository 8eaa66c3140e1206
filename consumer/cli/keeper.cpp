#include "consumer/cli/keeper.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace bus::cli {

namespace {

// Holds nothing of ours open but the pipe, lest somebody waits for the end of our stdout.
void hold_only(int fd) {
  dup2(fd, STDIN_FILENO);
  long most = sysconf(_SC_OPEN_MAX);
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 1U, ~0U, 0U) == 0) return;
#endif
  for (int each = 1; each < most; ++each) close(each);
}

[[noreturn]] void keep(int fd) {
  // Neither the terminal's signals nor those for all that is called bus-serve are for it: it ends with us.
  setsid();
  for (int signal : std::array{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(signal, &ignore, nullptr);
  }
  prctl(PR_SET_NAME, "bus-serve:keep");
  hold_only(fd);
  std::vector<pid_t> groups;
  std::array<pid_t, 256> said{};
  for (;;) {
    // Announcements are written whole (pipe(7)), and the pipe holds nothing else.
    ssize_t n = read(STDIN_FILENO, said.data(), sizeof said);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    for (size_t i = 0; i < static_cast<size_t>(n) / sizeof(pid_t); ++i) {
      if (said[i] > 0) groups.push_back(said[i]);
      if (said[i] < 0) std::erase(groups, -said[i]);
    }
  }
  for (pid_t group : groups) kill(-group, SIGKILL);
  _exit(0);
}

}  // namespace

bool Keeper::start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pid_ = fork();
  if (pid_ == 0) {
    close(ends[1]);
    keep(ends[0]);
  }
  int fault = errno;
  close(ends[0]);
  fd_ = ends[1];
  // A keeper that is stopped holds up nobody: what does not fit is left to the kernel (child_process.h).
  fcntl(fd_, F_SETFL, O_NONBLOCK);
  errno = fault;
  return pid_ > 0;
}

Keeper::~Keeper() {
  if (fd_ >= 0) close(fd_);
  if (pid_ > 0) kill(pid_, SIGCONT);  // a stopped one would not see it
  while (pid_ > 0 && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Keeper::announce(int fd, pid_t group) {
  if (fd < 0) return;
  // SIGPIPE is ignored until exec; if the keeper is gone, the kernel still ends the child itself.
  [[maybe_unused]] ssize_t written = write(fd, &group, sizeof group);
}

}  // namespace bus::cli
