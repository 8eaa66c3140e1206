// How far a call has come, on a terminal's stderr: one line, rewritten in place, and cleared before anything
// else is written. Silent anywhere else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/cli/console.h"

namespace bus::cli {

// "3 of 9 (33 %): linking"; what is unknown, 0 or empty, is left out. Safe for a terminal.
std::string progress_text(uint64_t done, uint64_t total, std::string_view text);

class ProgressLine {
 public:
  explicit ProgressLine(const Console& console);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  bool wanted() const { return wanted_; }
  void show(uint64_t done, uint64_t total, std::string_view text);
  void clear();

 private:
  const Console& console_;
  bool wanted_;
  bool visible_ = false;
};

}  // namespace bus::cli
