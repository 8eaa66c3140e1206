// The terminal of a program that draws the whole of it, and gives it back as it was: when it ends in whatever
// way but SIGKILL, and while it is stopped (Ctrl-Z). One at a time; signals.cpp ends the program.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/grid.h"
#include "consumer/cli/output.h"

namespace bus::cli {

// Whether stdout is a terminal that understands escape sequences.
bool screen_is_possible();

// Whether the locale of the environment is one of UTF-8 (locale(7)); the program's own always is.
bool locale_is_utf8();

class Screen {
 public:
  // On stdout. Keys come one by one and are not shown.
  explicit Screen(Output& output);
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  size_t columns() const { return columns_; }
  size_t rows() const { return rows_; }

  // Readable when the terminal has changed its size, or when the program was stopped or continued.
  int fd() const;
  // Does what is needed then; a program that was asked to stop stops in here, until it is continued. After
  // that everything must be drawn again.
  void handle_changes();

  // `lines` on top, `footer` in the last row; everything is cut to the size. Returns whether it was written.
  bool draw(const std::vector<TableLine>& lines, std::string_view footer, bool colour);

 private:
  void enter();
  void look_at_size();

  Output& output_;
  size_t columns_ = 80;
  size_t rows_ = 24;
};

}  // namespace bus::cli
