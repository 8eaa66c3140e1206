#include "tests/bench/text_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "protocol/base/check.h"

namespace bus::bench {

namespace {

// In characters and not bytes: what continues a character of UTF-8 takes no room.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

}  // namespace

std::string TextTable::text() const {
  std::vector<size_t> widths(rows_[0].size(), 3);
  for (const auto& row : rows_) {
    BUSD_CHECK(row.size() == widths.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t i = 0; i < widths.size(); ++i) {
      std::string padding(widths[i] - width_of(rows_[r][i]), ' ');
      out += "| " + (i == 0 ? rows_[r][i] + padding : padding + rows_[r][i]) + " ";
    }
    out += "|\n";
    if (r > 0) continue;
    for (size_t i = 0; i < widths.size(); ++i) {
      out += i == 0 ? "|" + std::string(widths[i] + 2, '-') : "|" + std::string(widths[i] + 1, '-') + ":";
    }
    out += "|\n";
  }
  return out;
}

std::string figure(double value) {
  if (value >= 100) return fixed(value, 0);
  if (value >= 10) return fixed(value, 1);
  return fixed(value, value >= 1 ? 2 : 3);
}

std::string ratio(double value, double by) { return value > 0 && by > 0 ? fixed(value / by, 2) : "-"; }

}  // namespace bus::bench
