#include "consumer/cli/progress_line.h"

#include <unistd.h>

#include "consumer/cli/output.h"
#include "consumer/cli/text.h"

namespace bus::cli {

std::string progress_text(uint64_t done, uint64_t total, std::string_view text) {
  std::string line;
  if (done != 0 || total != 0) line = grouped(done);
  if (total != 0) {
    line += " of " + grouped(total);
    double part = static_cast<double>(done) / static_cast<double>(total);
    if (part <= 1) line += " (" + std::to_string(static_cast<int>(part * 100)) + " %)";
  }
  if (!text.empty()) line += (line.empty() ? "" : ": ") + safe_text(text);
  return line;
}

ProgressLine::ProgressLine(const Console& console)
    : console_(console), wanted_(!console.quiet() && can_rewrite(STDERR_FILENO)) {}

void ProgressLine::show(uint64_t done, uint64_t total, std::string_view text) {
  std::string line = console_.program() + ": " + progress_text(done, total, text);
  // A line as wide as the terminal would wrap on some.
  size_t columns = terminal_columns(STDERR_FILENO).value_or(80);
  write_to_people(std::string(kClearLine) + cut_to_columns(line, columns - 1));
  visible_ = true;
}

void ProgressLine::clear() {
  if (visible_) write_to_people(kClearLine);
  visible_ = false;
}

}  // namespace bus::cli
