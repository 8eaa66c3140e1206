#include "protocol/messages/status_response.h"

#include <algorithm>

#include "protocol/encode.h"

namespace bus {

namespace {

// Drops elements from the end of `list` until `excess` bytes are saved, or none are left.
template <class T>
void shorten(std::vector<T>& list, size_t& excess) {
  std::string element;
  while (excess > 0 && !list.empty()) {
    element.clear();
    Writing::append(element, list.back());
    list.pop_back();
    size_t saved = element.size() + (list.empty() ? 0 : 1);  // the comma before it
    excess -= std::min(excess, saved);
  }
}

}  // namespace

std::string encode_within(StatusResponse response, size_t max_bytes) {
  std::string whole = encode(response);
  if (whole.size() <= max_bytes) return whole;
  constexpr std::string_view mark = ",\"truncated\":true";
  size_t excess = whole.size() - max_bytes + (response.truncated ? 0 : mark.size());
  response.truncated = true;
  shorten(response.consumers, excess);
  shorten(response.sources, excess);
  shorten(response.unmatched_types, excess);
  shorten(response.cleanup_locks, excess);
  return encode(response);
}

}  // namespace bus
