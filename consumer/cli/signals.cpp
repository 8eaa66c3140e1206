#include "consumer/cli/signals.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "consumer/cli/exit_code.h"

namespace bus::cli {

namespace {

struct State {
  std::atomic<int> caught{0};
  std::atomic<Phase> phase{Phase::nothing_to_undo};
  std::atomic<WakeFunction> wake{nullptr};
  std::atomic<void*> handle{nullptr};
  std::atomic<pid_t> command{0};
  std::array<std::atomic<pid_t>, kMostJobs> jobs{};
  std::atomic<int> fd{-1};
  std::atomic<void (*)()> restore{nullptr};
  bool stdin_was_closed = false;
};

State state;
static_assert(std::atomic<void*>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);

bool is_ignored(int signal) {
  struct sigaction now {};
  return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void signal_command(int signal) {
  pid_t group = state.command.load();
  if (group > 0) kill(-group, signal);
}

void end_commands() {
  signal_command(SIGTERM);
  for (const std::atomic<pid_t>& job : state.jobs) {
    pid_t group = job.load();
    if (group > 0) kill(-group, SIGTERM);
  }
}

extern "C" void on_signal(int signal) {
  int saved = errno;
  Phase phase = state.phase.load();
  if (state.caught.exchange(signal) != 0 || phase == Phase::nothing_to_undo) {
    end_commands();
    if (auto restore = state.restore.load(); restore != nullptr) restore();
    _exit(ended_by_signal(signal));
  }
  uint64_t one = 1;
  // An eventfd that nobody reads takes this; there is nobody to tell if it does not.
  [[maybe_unused]] ssize_t written = write(state.fd.load(), &one, sizeof one);
  WakeFunction wake = state.wake.load();
  if (phase == Phase::setting_up) signal_command(signal);
  if (wake != nullptr) wake(state.handle.load());
  errno = saved;
}

// The signals by which a terminal and its shell control jobs: ignored ones are meant for us (nohup,
// background jobs of scripts). Any other that is ignored, and every blocked one, is the state of whoever
// started us: with SIGCHLD ignored, for example, there is no hook to wait for.
void leave_inherited_signals() {
  constexpr std::array kJobSignals = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU};
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (std::find(kJobSignals.begin(), kJobSignals.end(), signal) != kJobSignals.end()) continue;
    if (is_ignored(signal)) sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A socket that got number 1 would be written to as stdout.
void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (fd == STDIN_FILENO) state.stdin_was_closed = true;
    // stdout for reading only: writing to it then fails, as the caller asked for.
    int opened = open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    if (opened != fd) abort();  // the lowest free number is this one, unless the machine has no /dev/null
  }
}

}  // namespace

void take_signals() {
  fill_standard_descriptors();
  leave_inherited_signals();
  state.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  // Then a write fails, and says why.
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (int signal : std::array{SIGINT, SIGTERM, SIGHUP}) sigaddset(&action.sa_mask, signal);
  for (int signal : std::array{SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(signal)) sigaction(signal, &action, nullptr);
  }
}

bool stdin_was_closed() { return state.stdin_was_closed; }

int caught_signal() { return state.caught.load(); }

int signal_fd() { return state.fd.load(); }

Phase enter_phase(Phase phase) { return state.phase.exchange(phase); }

void wake_on_signal(WakeFunction wake, void* handle) {
  // The handler runs between any two of these: it must never see a function with another's handle.
  state.wake = nullptr;
  state.handle = handle;
  state.wake = wake;
}

void before_exit_by_signal(void (*restore)()) { state.restore = restore; }

void watch_command(pid_t group) {
  state.command = group;
  // A signal that came while the command was being started did not reach it.
  if (state.caught.load() != 0 && state.phase.load() == Phase::setting_up)
    signal_command(state.caught.load());
}

void watch_job(pid_t group) {
  for (std::atomic<pid_t>& job : state.jobs) {
    pid_t free = 0;
    if (job.compare_exchange_strong(free, group)) return;
  }
}

void forget_job(pid_t group) {
  for (std::atomic<pid_t>& job : state.jobs) {
    pid_t same = group;
    if (job.compare_exchange_strong(same, 0)) return;
  }
}

}  // namespace bus::cli
