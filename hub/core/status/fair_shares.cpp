#include "hub/core/status/fair_shares.h"

#include <algorithm>
#include <numeric>

namespace bus::hub {

std::vector<size_t> fair_shares(const std::vector<size_t>& wanted, size_t space) {
  std::vector<size_t> modest_first(wanted.size());
  std::iota(modest_first.begin(), modest_first.end(), size_t{0});
  std::sort(modest_first.begin(), modest_first.end(),
            [&wanted](size_t one, size_t other) { return wanted[one] < wanted[other]; });
  std::vector<size_t> shares(wanted.size());
  size_t others = wanted.size();
  for (size_t i : modest_first) {
    shares[i] = std::min(wanted[i], space / others--);
    space -= shares[i];
  }
  return shares;
}

size_t rows_within(const std::vector<size_t>& ends, size_t space) {
  return static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), space) - ends.begin());
}

}  // namespace bus::hub
