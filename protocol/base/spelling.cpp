#include "protocol/base/spelling.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace bus {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> two_above;
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
    two_above = above;
    std::swap(above, row);
  }
  return above[b.size()];
}

bool alike(std::string_view a, std::string_view b) {
  size_t longest = std::max(a.size(), b.size());
  return edit_distance(a, b) <= (longest < 4 ? 1 : longest < 12 ? 2 : 3);
}

std::string nearest_option(const std::string& option, const std::vector<std::string>& names) {
  std::string wanted = option.starts_with("--") ? option : "-" + option;
  std::string best;
  size_t best_distance = 0;
  for (const std::string& name : names) {
    bool same_letter = option.size() == 2 && name.size() == 2 && (option[1] ^ name[1]) == 0x20;
    if (same_letter) return name;
    // Single letters are all alike.
    if (wanted.size() < 5 || !name.starts_with("--")) continue;
    std::string_view word = std::string_view(name).substr(2);
    size_t distance = edit_distance(wanted.substr(2), word);
    bool near = alike(wanted.substr(2), word) || name.starts_with(wanted);
    if (near && (best.empty() || distance < best_distance)) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace bus
