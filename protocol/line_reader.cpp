#include "protocol/line_reader.h"

#include "protocol/base/check.h"

namespace bus {

namespace {

void release(std::string& text) { std::string().swap(text); }

}  // namespace

void LineReader::feed(std::string_view chunk) {
  if (chunk.empty()) return;
  BUSD_CHECK(at_ == source_.size());
  release_source();
  source_ = chunk;
}

LineReader::Next LineReader::next(std::string_view& line) {
  if (partial_is_out_) {
    release(partial_);
    partial_is_out_ = false;
  }
  std::string_view rest = source_.substr(at_);
  size_t line_end = rest.find('\n');
  if (skipping_) {
    if (line_end == std::string_view::npos) {
      release_source();
      return Next::none;
    }
    skipping_ = false;
    at_ += line_end + 1;
    return next(line);
  }
  return line_end == std::string_view::npos ? keep_tail() : finish(line_end, line);
}

LineReader::Next LineReader::finish(size_t line_end, std::string_view& line) {
  std::string_view end_of_line = source_.substr(at_, line_end);
  at_ += line_end + 1;
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
  std::string_view tail = source_.substr(at_);
  if (partial_.size() + tail.size() >= max_bytes_) {
    release(partial_);
    release_source();
    skipping_ = true;
    return Next::too_long;
  }
  partial_ += tail;
  release_source();
  return Next::none;
}

void LineReader::keep_rest() {
  if (kept_ || at_ == source_.size()) return;
  kept_ = std::make_unique<std::string>(source_.substr(at_));
  source_ = *kept_;
  at_ = 0;
}

void LineReader::release_source() {
  kept_.reset();
  source_ = {};
  at_ = 0;
}

size_t LineReader::partial_bytes() const { return partial_is_out_ ? 0 : partial_.size(); }

size_t LineReader::held_bytes() const { return partial_.size() + (kept_ ? kept_->size() : 0); }

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace bus
