#include "consumer/cli/readable.h"

#include <array>
#include <cstdio>

#include "consumer/cli/text.h"

namespace bus::cli {

std::string readable_number(uint64_t number, std::optional<size_t> columns) {
  return columns ? grouped(number) : std::to_string(number);
}

std::string readable_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024.0;
  size_t unit = 0;
  // 1023.95 would be printed as 1024.0
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string readable_seconds(uint64_t seconds) {
  char text[48];
  auto n = static_cast<unsigned long long>(seconds);
  if (n < 60) {
    std::snprintf(text, sizeof text, "%llus", n);
  } else if (n < 3600) {
    std::snprintf(text, sizeof text, "%llum %02llus", n / 60, n % 60);
  } else if (n < 86'400) {
    std::snprintf(text, sizeof text, "%lluh %02llum", n / 3600, n % 3600 / 60);
  } else {
    std::snprintf(text, sizeof text, "%llud %02lluh", n / 86'400, n % 86'400 / 3600);
  }
  return text;
}

std::string readable_ms(uint64_t ms) {
  if (ms >= 60'000) return readable_seconds(ms / 1000);
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(ms) / 1000.0);
  return text;
}

}  // namespace bus::cli
