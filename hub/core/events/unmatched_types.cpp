#include "hub/core/events/unmatched_types.h"

#include <algorithm>

namespace bus::hub {

void UnmatchedTypes::count(std::string_view event_type) {
  if (auto at = counts_.find(event_type); at != counts_.end()) {
    ++at->second;
    return;
  }
  uint64_t inherited = 0;
  if (counts_.size() >= kMaxTypes) {
    auto rarest = std::min_element(counts_.begin(), counts_.end(),
                                   [](const auto& a, const auto& b) { return a.second < b.second; });
    inherited = rarest->second;
    counts_.erase(rarest);
  }
  counts_.emplace(std::string(event_type), inherited + 1);
}

std::vector<TypeCount> UnmatchedTypes::top(size_t n) const {
  std::vector<TypeCount> out;
  out.reserve(counts_.size());
  for (const auto& [type, count] : counts_) out.push_back({type, count});
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.count != b.count ? a.count > b.count : a.event_type < b.event_type;
  });
  if (out.size() > n) out.resize(n);
  return out;
}

}  // namespace bus::hub
