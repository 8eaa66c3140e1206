#include "consumer/cli/line_reader.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace bus::cli {

namespace {

constexpr size_t kReadBytes = 256 * 1024;

}  // namespace

LineReader::LineReader(size_t max_bytes) : max_bytes_(max_bytes) {}

LineReader::Read LineReader::fill(int fd) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + kReadBytes) buffer_.resize(end_ + kReadBytes);
  ssize_t n = read(fd, buffer_.data() + end_, kReadBytes);
  if (n < 0) return errno == EINTR || errno == EAGAIN ? Read::again : Read::failed;
  end_ += static_cast<size_t>(n);
  ended_ = n == 0;
  return ended_ ? Read::end : Read::data;
}

std::optional<Line> LineReader::next() {
  const void* found =
      end_ > scanned_ ? std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_) : nullptr;
  if (found != nullptr) {
    auto at = static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
    return finish(at, at + 1);
  }
  scanned_ = end_;
  if (ended_ && (begin_ < end_ || discarded_ > 0)) return finish(end_, end_);
  if (end_ - begin_ > max_bytes_ + 1) {  // + 1: a CR that does not count
    discarded_ += end_ - begin_;
    begin_ = end_;
  }
  return std::nullopt;
}

std::optional<Line> LineReader::finish(size_t end, size_t after) {
  std::string_view text(buffer_.data() + begin_, end - begin_);
  if (text.ends_with('\r')) text.remove_suffix(1);
  bool too_long = discarded_ > 0 || text.size() > max_bytes_;
  begin_ = scanned_ = after;
  discarded_ = 0;
  return Line{++number_, too_long ? std::string_view() : text, too_long};
}

}  // namespace bus::cli
