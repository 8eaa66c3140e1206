#include "consumer/cli/rate_line.h"

#include <cmath>
#include <string>
#include <string_view>
#include <unistd.h>

#include "consumer/cli/output.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::chrono::milliseconds kFirstAfter{1000};
constexpr std::chrono::milliseconds kPeriod{500};

// A person who types the lines sees their own echo instead.
bool rewritable() { return can_rewrite(STDERR_FILENO) && isatty(STDIN_FILENO) != 1; }

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
