// What the clock on the wall says.
#pragma once

#include <chrono>
#include <cstdint>

namespace bus::cli {

// Milliseconds since 1970.
inline uint64_t wall_ms() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

}  // namespace bus::cli
