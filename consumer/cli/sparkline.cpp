#include "consumer/cli/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bus::cli {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::chrono::seconds kMinute{60};

using Bars = std::array<const char*, 8>;
constexpr Bars kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr Bars kAscii{"_", ".", ":", "-", "=", "+", "*", "#"};

}  // namespace

void LastMinute::add(Time begin, Time end, double count) {
  if (end <= begin) return;
  segments_.push_back({begin, end, count});
  while (segments_.front().end <= end - kMinute) segments_.pop_front();
}

std::vector<std::optional<double>> LastMinute::rates(Time now, size_t columns) const {
  std::vector<std::optional<double>> out;
  Seconds width = Seconds(kMinute) / static_cast<double>(std::max<size_t>(columns, 1));
  for (size_t i = 0; i < columns; ++i) {
    // Seconds before `now`.
    double far = (width * static_cast<double>(columns - i)).count();
    double near = far - width.count();
    double covered = 0;
    double count = 0;
    for (const Segment& segment : segments_) {
      double begin = std::min(Seconds(now - segment.begin).count(), far);
      double end = std::max(Seconds(now - segment.end).count(), near);
      if (begin <= end) continue;
      covered += begin - end;
      count += segment.count * (begin - end) / Seconds(segment.end - segment.begin).count();
    }
    out.push_back(covered > 0 ? std::optional<double>(count / covered) : std::nullopt);
  }
  return out;
}

std::string sparkline(const std::vector<std::optional<double>>& values, bool utf8) {
  const Bars& bars = utf8 ? kBlocks : kAscii;
  double most = 0;
  for (const auto& value : values) most = std::max(most, value.value_or(0));
  std::string out;
  for (const auto& value : values) {
    if (!value) {
      out += ' ';
      continue;
    }
    double height = most > 0 ? std::ceil(*value / most * static_cast<double>(bars.size() - 1)) : 0;
    out += bars[std::min(static_cast<size_t>(std::max(height, 0.0)), bars.size() - 1)];
  }
  return out;
}

}  // namespace bus::cli
