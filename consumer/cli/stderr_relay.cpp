#include "consumer/cli/stderr_relay.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <unistd.h>

namespace bus::cli {

namespace {

constexpr int kPatienceMs = 1000;

bool takes_some(int patience_ms) {
  pollfd wait{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&wait, 1, patience_ms) > 0;
}

}  // namespace

void StderrRelay::write_some() {
  size_t done = 0;
  // A pipe that is ready takes this much without blocking (pipe(7)).
  while (done < waiting_.size() && takes_some(0)) {
    ssize_t n =
        write(STDERR_FILENO, waiting_.data() + done, std::min(size_t{PIPE_BUF}, waiting_.size() - done));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) break;
    // Nobody reads it any more: it is lost, as it would be for the command itself.
    done = n < 0 ? waiting_.size() : done + static_cast<size_t>(n);
  }
  waiting_.erase(0, done);
}

void StderrRelay::finish() {
  while (is_behind() && takes_some(kPatienceMs)) write_some();
}

}  // namespace bus::cli
