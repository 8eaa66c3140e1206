#include "tests/bench/server_process.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::bench {

namespace {

constexpr Duration kGrace = seconds(3);
constexpr size_t kMaxProcFileBytes = 1 << 20;

struct Launch {
  const char* directory;
  int input;
  int output;
  char** argv;
};

// Between fork and exec: async-signal-safe calls only (signal-safety(7)).
[[noreturn]] void become_server(const Launch& launch) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Ctrl-C in the terminal is for bus-bench, which then ends its servers in its own order.
  ::setpgid(0, 0);
  ::signal(SIGPIPE, SIG_DFL);
  bool ok = ::chdir(launch.directory) == 0 && ::dup2(launch.input, 0) == 0 && ::dup2(launch.output, 1) == 1 &&
            ::dup2(launch.output, 2) == 2;
  ::close_range(3, ~0U, 0);
  if (ok) ::execvp(launch.argv[0], launch.argv);
  const char* program = launch.argv[0];
  const char* reason = ::strerrordesc_np(errno);
  if (reason == nullptr) reason = "unknown error";
  for (const char* part : {"cannot run ", program, ": ", reason, "\n"}) {
    if (::write(2, part, std::strlen(part)) < 0) break;
  }
  ::_exit(127);
}

// The number after `label` in a file of /proc, such as "Pss:".
std::optional<size_t> number_after(std::string_view text, std::string_view label) {
  size_t at = text.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find_first_not_of(" \t", at + label.size());
  if (at == std::string_view::npos) return std::nullopt;
  size_t value = 0;
  auto read = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (read.ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

Result<ServerProcess> ServerProcess::spawn(const std::string& program,
                                           const std::vector<std::string>& arguments,
                                           const std::string& directory) {
  std::string output_path = directory + "/output";
  Fd output(::open(output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output) return errno_error("open " + printable(output_path), errno);
  Fd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input) return errno_error("open /dev/null", errno);
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  Launch launch{directory.c_str(), input.get(), output.get(), argv.data()};
  pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork", errno);
  if (pid == 0) become_server(launch);
  ServerProcess server(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), program, output_path);
  if (!server.pidfd_) return errno_error("pidfd_open", errno);
  return server;
}

ServerProcess& ServerProcess::operator=(ServerProcess&& other) noexcept {
  if (this != &other) {
    stop();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    name_ = std::move(other.name_);
    output_path_ = std::move(other.output_path_);
  }
  return *this;
}

Result<void> ServerProcess::await(const std::function<bool()>& ready, Duration patience) {
  TimePoint deadline = now() + patience;
  while (!ready()) {
    if (ends_within(milliseconds(1))) {
      return Error{Errc::unavailable, name_ + " ended at once: " + last_words()};
    }
    if (now() >= deadline) return Error{Errc::timed_out, name_ + " does not come up: " + last_words()};
  }
  return {};
}

bool ServerProcess::running() const { return pid_ > 0 && !ends_within(Duration::zero()); }

double ServerProcess::cpu_seconds() const {
  std::string tasks = "/proc/" + std::to_string(pid_) + "/task";
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(tasks.c_str()), ::closedir);
  double total_ns = 0;
  while (directory) {
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    auto line = read_file(tasks + "/" + entry->d_name + "/schedstat", kMaxProcFileBytes);
    if (line) total_ns += static_cast<double>(number_after(*line, "").value_or(0));
  }
  return total_ns / 1e9;
}

size_t ServerProcess::memory_kib() const {
  auto text = read_file("/proc/" + std::to_string(pid_) + "/smaps_rollup", kMaxProcFileBytes);
  if (!text) return 0;
  if (auto pss = number_after(*text, "\nPss:")) return *pss;
  return number_after(*text, "\nRss:").value_or(0);
}

size_t ServerProcess::anonymous_kib() const {
  auto text = read_file("/proc/" + std::to_string(pid_) + "/status", kMaxProcFileBytes);
  return text ? number_after(*text, "\nRssAnon:").value_or(0) : 0;
}

void ServerProcess::stop() noexcept {
  if (pid_ <= 0) return;
  // Stopped ones (a test of stopped readers) take SIGTERM only when they go on.
  ::kill(pid_, SIGTERM);
  ::kill(pid_, SIGCONT);
  if (!ends_within(kGrace)) ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  pidfd_.reset();
}

bool ServerProcess::ends_within(Duration patience) const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(to_ms(patience))) > 0;
}

std::string ServerProcess::last_words() const {
  auto text = read_file(output_path_, kMaxProcFileBytes);
  if (!text) return "no output";
  size_t end = text->find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return "no output";
  text->resize(end + 1);
  size_t begin = text->rfind('\n');
  return printable(begin == std::string::npos ? *text : text->substr(begin + 1));
}

void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace bus::bench
