#include "consumer/cli/spelling.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace bus::cli {

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

}  // namespace bus::cli
