#include "consumer/cli/stderr_tail.h"

namespace bus::cli {

namespace {

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\v\f\r\n";
  size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

}  // namespace

void StderrTail::take(std::string_view bytes, std::string& out) {
  for (char c : bytes) {
    bool room = line_.size() < kMostLineBytes;
    if (room) line_ += c;
    if (!room || line_.size() == kMostLineBytes || c == '\n' || c == '\r') {
      out.append(line_, passed_);
      passed_ = line_.size();
      if (!room) out += c;
    }
    if (c == '\n' || c == '\r') end_line();
  }
}

void StderrTail::finish(std::string& out) {
  if (line_.empty()) return;
  out.append(line_, passed_);
  out += '\n';
  end_line();
}

void StderrTail::end_line() {
  std::string_view said = without_space(line_);
  if (!said.empty()) last_ = said;
  line_.clear();
  passed_ = 0;
}

}  // namespace bus::cli
