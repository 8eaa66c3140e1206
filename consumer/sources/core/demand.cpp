#include "consumer/sources/core/demand.h"

namespace bus::sources {

void Demand::set_consumers(std::string_view entry, uint64_t count) {
  auto at = listening_.find(entry);
  if (count == 0) {
    if (at != listening_.end()) listening_.erase(at);
  } else if (at != listening_.end()) {
    at->second = count;
  } else {
    listening_.emplace(entry, count);
  }
}

}  // namespace bus::sources
