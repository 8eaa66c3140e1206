#include "tests/support/child.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/close_range.h>
#include <map>
#include <poll.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "tests/support/catch.h"

extern char** environ;

namespace bus::test {

namespace {

// Between looks at something that the kernel does not announce, such as a file that grows.
constexpr Duration kLook = milliseconds(5);

Fd memory_file(const char* name) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) FAIL("memfd_create failed");
  return fd;
}

std::string contents(int fd) {
  // /dev/full can be read for ever.
  struct stat st {};
  if (::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return {};
  std::string out;
  char chunk[16384];
  for (;;) {
    ssize_t n = ::pread(fd, chunk, sizeof chunk, static_cast<off_t>(out.size()));
    if (n <= 0) return out;
    out.append(chunk, static_cast<size_t>(n));
  }
}

std::vector<std::string> environment_of(const ChildOptions& options) {
  std::map<std::string, std::string> table;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string::npos || text.starts_with("BUSD_") || text.starts_with("XDG_RUNTIME_DIR="))
      continue;
    table[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : options.environment) table[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : table) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

struct Stdio {
  int in;
  int out;
  int err;
};

[[noreturn]] void become(const std::string& program, char** argv, char** envp, const Stdio& stdio,
                         const ChildOptions& options) {
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(stdio.in, 0);
  ::dup2(stdio.out, 1);
  ::dup2(stdio.err, 2);
  // Out of the way first, so that none is overwritten before it is moved.
  std::vector<std::pair<int, int>> moved;
  int above = 3;
  for (auto [ours, theirs] : options.descriptors) above = std::max(above, theirs + 1);
  for (auto [ours, theirs] : options.descriptors) moved.emplace_back(::fcntl(ours, F_DUPFD, above), theirs);
  for (auto [ours, theirs] : moved) ::dup2(ours, theirs);
  unsigned first = 3;
  for (int fd = 3; fd < above; ++fd) {
    bool wanted =
        std::any_of(moved.begin(), moved.end(), [fd](const auto& pair) { return pair.second == fd; });
    if (!wanted) ::close(fd);
    first = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(first, ~0U, 0);
  bool there = options.directory.empty() || ::chdir(options.directory.c_str()) == 0;
  if (options.in_child) options.in_child();
  if (there) ::execvpe(program.c_str(), argv, envp);
  ::dprintf(2, "cannot run %s: %s\n", program.c_str(), std::strerror(errno));
  ::_exit(127);
}

Fd file_for(const std::string& path, const char* name) {
  if (path.empty()) return memory_file(name);
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) FAIL("cannot open " << path);
  return fd;
}

void wait_until_holds(const std::function<std::string()>& look, const std::string& text, Duration patience,
                      const std::string& what) {
  TimePoint deadline = now() + patience;
  std::string seen = look();
  while (seen.find(text) == std::string::npos) {
    if (now() >= deadline)
      FAIL("waited in vain for \"" << text << "\" in " << what << "; there was:\n" << seen);
    std::this_thread::sleep_for(kLook);
    seen = look();
  }
}

}  // namespace

Child::Child(const std::string& program, const std::vector<std::string>& arguments, ChildOptions options)
    : name_(program),
      out_file_(file_for(options.stdout_path, "stdout")),
      err_file_(file_for(options.stderr_path, "stderr")) {
  Fd input;
  if (options.input.empty()) {
    input.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  } else {
    input = memory_file("stdin");
    if (::write(input.get(), options.input.data(), options.input.size()) < 0)
      FAIL("cannot write the child's input");
    ::lseek(input.get(), 0, SEEK_SET);
  }
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environment_of(options);
  std::vector<char*> argv = pointers(words);
  std::vector<char*> envp = pointers(environment);
  Stdio stdio{input.get(), out_file_.get(), err_file_.get()};
  pid_ = ::fork();
  if (pid_ < 0) FAIL("fork failed");
  if (pid_ == 0) become(program, argv.data(), envp.data(), stdio, options);
  pidfd_ = watch_process(pid_);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      reaped_(std::exchange(other.reaped_, true)),
      status_(other.status_),
      name_(std::move(other.name_)),
      out_file_(std::move(other.out_file_)),
      err_file_(std::move(other.err_file_)) {}

Child::~Child() {
  if (reaped_ || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::running() {
  if (reaped_) return false;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0;
}

void Child::signal(int number) {
  if (reaped_) FAIL("a signal for " << name_ << ", which has ended");
  ::kill(pid_, number);
}

ExitStatus Child::wait(Duration patience) {
  if (reaped_) return status_;
  TimePoint deadline = now() + patience;
  for (;;) {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    auto left = std::max<long long>(to_ms(deadline - now()), 0);
    int ready = ::poll(&ended, 1, static_cast<int>(left));
    if (ready == 1) break;
    if (ready == 0) FAIL(name_ << " did not end in time; it wrote:\n" << output() << "\n" << errors());
  }
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) FAIL("waitpid failed");
  reaped_ = true;
  if (WIFEXITED(status)) {
    status_ = ExitStatus{WEXITSTATUS(status), 0};
  } else {
    status_ = ExitStatus{-1, WTERMSIG(status)};
  }
  return status_;
}

std::string Child::output() const { return contents(out_file_.get()); }
std::string Child::errors() const { return contents(err_file_.get()); }

void Child::wait_for_output(const std::string& text, Duration patience) {
  wait_until_holds([this] { return output(); }, text, patience, "stdout of " + name_);
}

void Child::wait_for_errors(const std::string& text, Duration patience) {
  wait_until_holds([this] { return errors(); }, text, patience, "stderr of " + name_);
}

RunResult run(const std::string& program, const std::vector<std::string>& arguments, ChildOptions options,
              Duration patience) {
  Child child(program, arguments, std::move(options));
  ExitStatus status = child.wait(patience);
  return {status, child.output(), child.errors()};
}

// By number: glibc 2.36 declares pidfd_open() for C only.
Fd watch_process(pid_t pid) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) FAIL("pidfd_open of " << pid << " failed");
  return fd;
}

size_t open_descriptors(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid) + "/fd", error);
  if (error) FAIL("cannot list the descriptors of " << pid);
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

namespace {

// The fields of /proc/PID/stat behind the command's name: state, parent, …
std::istringstream stat_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  std::getline(file, text);
  size_t end = text.rfind(')');
  return std::istringstream(end == std::string::npos ? "" : text.substr(end + 1));
}

}  // namespace

bool has_children(pid_t pid) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    char state = 0;
    pid_t parent = 0;
    if (stat_of(name) >> state >> parent && parent == pid) return true;
  }
  return false;
}

void wait_for_state(pid_t pid, char state) {
  TimePoint deadline = now() + kPatience;
  char seen = 0;
  while (!(stat_of(std::to_string(pid)) >> seen) || seen != state) {
    if (now() >= deadline) FAIL("process " << pid << " is in state " << seen << ", not " << state);
    std::this_thread::sleep_for(kLook);
  }
}

}  // namespace bus::test
