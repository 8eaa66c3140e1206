#include "protocol/line_reader.h"

#include <utility>

#include "protocol/base/check.h"

namespace bus {

namespace {

void release(std::string& text) { std::string().swap(text); }

}  // namespace

void LineReader::feed(std::string_view chunk) {
  if (chunk.empty()) return;
  BUSD_CHECK(source_.empty());
  release_source();
  source_ = chunk;
}

LineReader::Next LineReader::next(std::string_view& line) {
  if (partial_is_out_) {
    release(partial_);
    partial_is_out_ = false;
  }
  size_t line_end = source_.find('\n');
  if (skipping_) {
    if (line_end == std::string_view::npos) {
      release_source();
      return Next::none;
    }
    skipping_ = false;
    source_.remove_prefix(line_end + 1);
    return next(line);
  }
  return line_end == std::string_view::npos ? keep_tail() : finish(line_end, line);
}

LineReader::Next LineReader::finish(size_t line_end, std::string_view& line) {
  std::string_view end_of_line = source_.substr(0, line_end);
  source_.remove_prefix(line_end + 1);
  if (partial_.size() + line_end + 1 > max_bytes_) {
    release(partial_);
    return Next::too_long;
  }
  if (partial_.empty()) {
    line = end_of_line;
    return Next::line;
  }
  partial_ += end_of_line;
  partial_is_out_ = true;
  line = partial_;
  return Next::line;
}

// Keeps what is left of the source as the start of a line, unless it can only become too long.
LineReader::Next LineReader::keep_tail() {
  if (partial_.size() + source_.size() >= max_bytes_) {
    release(partial_);
    release_source();
    skipping_ = true;
    return Next::too_long;
  }
  partial_ += source_;
  release_source();
  return Next::none;
}

void LineReader::keep_rest() {
  if (std::exchange(partial_is_out_, false)) release(partial_);
  if (kept_ || source_.empty()) return;
  kept_ = std::make_unique<std::string>(source_);
  source_ = *kept_;
}

void LineReader::release_source() {
  kept_.reset();
  source_ = {};
}

// An empty string holds nothing, but has room for a few bytes.
size_t LineReader::held_bytes() const {
  return (partial_.empty() ? 0 : partial_.capacity()) + (kept_ ? kept_->capacity() : 0);
}

void LineReader::skip_line() {
  BUSD_CHECK(!partial_is_out_ && source_.empty());
  release(partial_);
  skipping_ = true;
}

}  // namespace bus
