#include "consumer/cli/rate_line.h"

#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

#include "consumer/cli/output.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::chrono::milliseconds kFirstAfter{1000};
constexpr std::chrono::milliseconds kPeriod{500};
constexpr std::string_view kClearLine = "\r\x1b[K";

// Rewriting needs a terminal that understands it; a person who types the lines sees their own echo instead.
bool rewritable() {
  const char* term = getenv("TERM");
  bool capable = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  return capable && isatty(STDERR_FILENO) == 1 && isatty(STDIN_FILENO) != 1;
}

}  // namespace

RateLine::RateLine(const Console& console)
    : console_(console), wanted_(!console.quiet() && rewritable()), last_(Clock::now()) {}

void RateLine::update(uint64_t lines) {
  if (!wanted_) return;
  auto now = Clock::now();
  auto spent = now - last_;
  if (spent < (visible_ ? kPeriod : kFirstAfter)) return;
  double seconds = std::chrono::duration<double>(spent).count();
  auto rate = std::llround(static_cast<double>(lines - last_lines_) / seconds);
  write_to_people(std::string(kClearLine) + console_.program() + ": " + grouped(lines) +
                  (lines == 1 ? " line, " : " lines, ") + grouped(static_cast<unsigned long long>(rate)) +
                  (rate == 1 ? " line/s" : " lines/s"));
  visible_ = true;
  last_ = now;
  last_lines_ = lines;
}

void RateLine::clear() {
  if (visible_) write_to_people(kClearLine);
  visible_ = false;
}

std::optional<std::chrono::milliseconds> RateLine::patience() const {
  if (!wanted_) return std::nullopt;
  return kPeriod;
}

}  // namespace bus::cli
