// The newest lines that a source has written and that are no events, from both of its streams: a bounded number of bytes.
//
// Lines are numbered from 1, over all runs. What was dropped shows as a gap in the numbers of those that are left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace bus::sources {

enum class Stream { out, err };

struct LogLine {
  uint64_t n = 0;
  int64_t time_ms = 0;  // since 1970, by the wall clock
  Stream stream = Stream::out;
  uint64_t run = 0;
  std::string text;  // UTF-8, without a line end
};

class LogRing {
 public:
  // What a line counts beside its text.
  static constexpr size_t kLineOverhead = sizeof(LogLine);

  explicit LogRing(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Adds a line, with what is no UTF-8 replaced, and drops the oldest ones beyond the limit. A text that alone is longer
  // than a quarter of the ring is cut, and says so.
  void add(Stream stream, uint64_t run, int64_t time_ms, std::string_view text);
  // A smaller limit drops the oldest lines.
  void set_max_bytes(size_t max_bytes);

  uint64_t next() const { return next_; }  // the number of the next line
  uint64_t first() const { return next_ - lines_.size(); }
  // Line `n`, from first() to next() - 1.
  const LogLine& at(uint64_t n) const { return lines_[n - first()]; }
  size_t bytes() const { return bytes_; }

 private:
  void trim();

  size_t max_bytes_;
  size_t bytes_ = 0;
  uint64_t next_ = 1;
  std::deque<LogLine> lines_;
};

}  // namespace bus::sources
