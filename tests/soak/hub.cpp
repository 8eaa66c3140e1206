#include "tests/soak/hub.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/clock.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/decode.h"

namespace bus::soak {

namespace {

constexpr Duration kPatience = seconds(10);
constexpr int kReadyFd = 3;

bool wait_for(int fd, short events, TimePoint deadline) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    auto left = std::max<long long>(to_ms(deadline - now()), 0);
    int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// Reads until `enough` or the end; what there is when the time is over.
template <class Enough>
std::string read_until(int fd, Enough enough) {
  std::string out;
  char chunk[65536];
  for (TimePoint deadline = now() + kPatience; !enough(out) && wait_for(fd, POLLIN, deadline);) {
    ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n <= 0) break;
    out.append(chunk, static_cast<size_t>(n));
  }
  return out;
}

bool has_line(const std::string& text) { return text.ends_with('\n'); }

}  // namespace

Result<Hub> Hub::start(const std::string& program, const std::vector<std::string>& arguments) {
  Hub hub;
  hub.directory_ = "/tmp/busd-soak-XXXXXX";
  if (::mkdtemp(hub.directory_.data()) == nullptr) return errno_error("mkdtemp", errno);
  hub.socket_ = hub.directory_ + "/bus.sock";
  std::vector<std::string> words = {program,
                                    "--socket",
                                    hub.socket_,
                                    "--ready-fd",
                                    std::to_string(kReadyFd),
                                    "--log-file",
                                    hub.directory_ + "/hub.log"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe", errno);
  Fd ready(ends[0]);
  Fd theirs(ends[1]);
  hub.pid_ = ::fork();
  if (hub.pid_ < 0) return errno_error("fork", errno);
  if (hub.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (theirs.get() == kReadyFd) {
      ::fcntl(kReadyFd, F_SETFD, 0);
    } else {
      ::dup2(theirs.get(), kReadyFd);
    }
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  theirs.reset();
  hub.pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, hub.pid_, 0)));
  std::string line = read_until(ready.get(), has_line);
  if (line != "ready\n") return Error{Errc::unavailable, program + " is not ready: " + line};
  return hub;
}

Hub::Hub(Hub&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      directory_(std::exchange(other.directory_, {})),
      socket_(std::move(other.socket_)) {}

Hub::~Hub() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

bool Hub::running() const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0;
}

size_t Hub::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;) {
    size_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib * 1024;
  }
  return 0;
}

size_t Hub::descriptors() const {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid_) + "/fd", error);
  return error ? 0 : static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

Result<Fd> Hub::connect() const { return connect_unix(socket_, kPatience); }

Result<StatusResponse> Hub::status() const {
  BUSD_ASSIGN(Fd fd, connect());
  BUSD_TRY(write_all(fd.get(), "{\"type\":\"status_query\"}\n"));
  std::string line = read_until(fd.get(), has_line);
  if (!has_line(line)) return Error{Errc::timed_out, "no status in time"};
  line.pop_back();
  std::optional<StatusResponse> response = decode_line<StatusResponse>(line);
  if (!response) return Error{Errc::invalid, "no status: " + line.substr(0, 200)};
  return std::move(*response);
}

bool Hub::stop() {
  ::kill(pid_, SIGTERM);
  if (!wait_for(pidfd_.get(), POLLIN, now() + kPatience)) return false;
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string Hub::last_words() const {
  constexpr size_t kMost = 4000;
  auto text = read_file(directory_ + "/hub.log", 4 * 1024 * 1024);
  if (!text) return {};
  return text->size() <= kMost ? *text : text->substr(text->size() - kMost);
}

}  // namespace bus::soak
