#include "consumer/sources/inlet.h"

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace bus::sources {

// Quiet: what a pipe's writing end is told of is room, and that nobody reads any more.
Inlet::Inlet(Loop& loop, Fd pipe) : pipe_(std::move(pipe)), watch_(loop, pipe_.get(), *this) {}

bool Inlet::write(std::string_view lines) {
  size_t waits = waiting_.size() - written_;
  if (!pipe_ || (waits > 0 && waits + lines.size() > kMaxWaitingBytes)) return false;
  waiting_.append(lines);
  flush();
  return static_cast<bool>(pipe_);
}

void Inlet::flush() {
  while (pipe_ && written_ < waiting_.size()) {
    ssize_t n = ::write(pipe_.get(), waiting_.data() + written_, waiting_.size() - written_);
    if (n > 0) {
      written_ += static_cast<size_t>(n);
    } else if (n < 0 && errno == EAGAIN) {
      if (!watch_.set(FdWatch::Mode::quiet, true)) close();
      return;
    } else if (n == 0 || errno != EINTR) {
      return close();
    }
  }
  waiting_.clear();
  written_ = 0;
  if (pipe_) static_cast<void>(watch_.set(FdWatch::Mode::off, false));
}

void Inlet::close() {
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  pipe_.reset();
  waiting_.clear();
  written_ = 0;
}

}  // namespace bus::sources
