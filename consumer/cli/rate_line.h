// "12 345 lines, 6 172 lines/s" on a terminal's stderr, rewritten in place; silent anywhere else. Appears
// only when a stream has run for a second, changes at most twice a second, and is cleared at the end and
// before any other message.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "consumer/cli/console.h"

namespace bus::cli {

class RateLine {
 public:
  explicit RateLine(const Console& console);
  RateLine(const RateLine&) = delete;
  RateLine& operator=(const RateLine&) = delete;
  ~RateLine() { clear(); }

  void update(uint64_t lines);
  void clear();
  // How long a wait may be so that the line stays fresh; nothing when it is not shown.
  std::optional<std::chrono::milliseconds> patience() const;

 private:
  using Clock = std::chrono::steady_clock;

  const Console& console_;
  bool wanted_;
  bool visible_ = false;
  Clock::time_point last_;
  uint64_t last_lines_ = 0;
};

}  // namespace bus::cli
