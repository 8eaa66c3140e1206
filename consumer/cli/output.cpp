#include "consumer/cli/output.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

constexpr size_t kFlushBytes = 64 * 1024;
constexpr size_t kRegularWriteBytes = 1024 * 1024;

bool can_block(int fd) {
  struct stat info {};
  return fstat(fd, &info) != 0 || !S_ISREG(info.st_mode);
}

}  // namespace

Output::Output(int fd) : fd_(fd), may_block_(can_block(fd)) {}

Written Output::line(std::string_view line) {
  waiting_ += line;
  waiting_ += '\n';
  return waiting_.size() < kFlushBytes ? Written::ok : flush();
}

Written Output::text(std::string_view text) {
  waiting_ += text;
  return waiting_.size() < kFlushBytes ? Written::ok : flush();
}

Written Output::flush() {
  size_t done = 0;
  Written result = Written::ok;
  while (done < waiting_.size()) {
    if (may_block_) result = wait_for_room();
    if (result != Written::ok) break;
    size_t most = may_block_ ? size_t{PIPE_BUF} : kRegularWriteBytes;
    ssize_t n = write(fd_, waiting_.data() + done, std::min(most, waiting_.size() - done));
    if (n >= 0) {
      done += static_cast<size_t>(n);
    } else if (errno == EPIPE) {
      result = Written::closed;
      break;
    } else if (errno != EINTR && errno != EAGAIN) {
      result = Written::failed;
      break;
    }
  }
  waiting_.clear();
  return result;
}

Written Output::wait_for_room() const {
  pollfd waits[] = {{.fd = fd_, .events = POLLOUT, .revents = 0},
                    {.fd = signal_fd(), .events = POLLIN, .revents = 0}};
  while (poll(waits, 2, -1) < 0) {
    if (errno != EINTR) return Written::failed;
  }
  // What the reader takes without waiting is still written after a signal.
  if (waits[0].revents != 0) return Written::ok;
  return Written::interrupted;
}

void write_to_people(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace bus::cli
