#include "consumer/cli/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/keeper.h"

namespace bus::cli {

namespace {

void close_end(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// A pipe's ends, closed with the object unless they were taken.
struct Pipe {
  int read_end = -1;
  int write_end = -1;

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read_end = ends[0];
    write_end = ends[1];
    return true;
  }
};

int taken(int& fd) {
  int own = fd;
  fd = -1;
  fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
  return own;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execvpe(3) takes what it does not change as if it did.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Signals that we handle or ignore for ourselves do what they do to a new program. Those that were ignored
// when we started, which only a shell's job control does, stay so (signals.h).
void restore_signals() {
  struct sigaction now {};
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal : std::array{SIGINT, SIGTERM, SIGHUP}) {
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
      sigaction(signal, &standard, nullptr);
  }
  // While a signal is blocked it may be pending although it is ignored, as SIGPIPE is when the keeper is gone; to
  // ignore it anew forgets it.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  sigaction(SIGPIPE, &standard, nullptr);
  sigaction(SIGXFSZ, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Of what we inherited, which may be a lock or the writing end of somebody's pipe. Ours are closed by exec in any
// case, so that it does no harm where the kernel cannot do it.
void keep_no_descriptors() {
#ifdef SYS_close_range
  constexpr unsigned kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC, linux/close_range.h
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, kCloseOnExec);
#endif
}

// Between fork and exec, in the child; signals are blocked until its handlers are gone.
[[noreturn]] void become(char* const* arguments, char* const* environment, pid_t parent, int keeper,
                         int input, int output, int errors) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNoCommand);  // it died before that
  Keeper::announce(keeper, getpid());
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  keep_no_descriptors();
  restore_signals();
  execvpe(arguments[0], arguments, environment);
  int fault = errno;
  dprintf(STDERR_FILENO, "bus-serve: cannot run %s: %s\n", arguments[0], std::strerror(fault));
  _exit(fault == ENOENT ? kNoCommand : kCannotRun);
}

bool is_executable_file(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && access(path.c_str(), X_OK) == 0;
}

int fault_of_path(const std::string& path, std::string& why) {
  if (is_executable_file(path)) return 0;
  struct stat st {};
  bool missing = stat(path.c_str(), &st) != 0;
  int fault = missing ? errno : (S_ISDIR(st.st_mode) ? EISDIR : EACCES);
  why = std::strerror(fault);
  return fault == ENOENT || fault == ENOTDIR ? kNoCommand : kCannotRun;
}

// The exit status of a shell for a program that cannot be run, and why; 0: it can.
int status_of_program(const std::string& program, std::string& why) {
  if (program.find('/') != std::string::npos) return fault_of_path(program, why);
  const char* path = getenv("PATH");
  std::string_view rest = path == nullptr ? "/bin:/usr/bin" : path;
  int status = kNoCommand;
  why = "it is not in PATH";
  for (;;) {
    size_t end = std::min(rest.find(':'), rest.size());
    std::string directory(rest.substr(0, end));
    std::string file = (directory.empty() ? "." : directory) + "/" + program;
    std::string reason;
    int fault = fault_of_path(file, reason);
    if (fault == 0) return 0;
    if (fault == kCannotRun) {
      status = fault;
      why = file;
      why.append(": ").append(reason);
    }
    if (end == rest.size()) return status;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

ChildProcess::~ChildProcess() {
  close_end(input_);
  close_end(output_);
  close_end(errors_);
  close_end(pid_fd_);
}

std::string ChildProcess::start(const std::vector<std::string>& arguments,
                                const std::vector<std::string>& environment, int keeper) {
  Pipe in;
  Pipe out;
  Pipe err;
  if (!in.open() || !out.open() || !err.open())
    return std::string("no pipe for the command: ") + std::strerror(errno);
  std::vector<char*> argument_pointers = pointers_to(arguments);
  std::vector<char*> environment_pointers = pointers_to(environment);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0)
    become(argument_pointers.data(), environment_pointers.data(), parent, keeper, in.read_end, out.write_end,
           err.write_end);
  int fault = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) {
    pid_ = 0;
    return std::string("the command could not be started: ") + std::strerror(fault);
  }
  setpgid(pid_, pid_);  // whoever is first: a signal to the group must find it
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  input_ = taken(in.write_end);
  output_ = taken(out.read_end);
  errors_ = taken(err.read_end);
  return {};
}

void ChildProcess::close_input() { close_end(input_); }
void ChildProcess::close_output() { close_end(output_); }
void ChildProcess::close_errors() { close_end(errors_); }

bool ChildProcess::has_ended(int& status) const {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
    return false;
  status = info.si_code == CLD_EXITED ? (info.si_status & 0xFF) << 8 : info.si_status & 0x7F;
  return true;
}

void ChildProcess::signal_group(int signal) const {
  if (pid_ > 0) kill(-pid_, signal);
}

void ChildProcess::reap() {
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  close_end(pid_fd_);
}

bool ChildProcess::group_is_empty() const { return kill(-pid_, 0) != 0 && errno == ESRCH; }

std::optional<Error> program_fault(const std::string& program) {
  std::string why;
  int status = status_of_program(program, why);
  if (status == 0) return std::nullopt;
  return error_of(ErrorCode::command_failed, status, "cannot run " + program + ": " + why);
}

}  // namespace bus::cli
