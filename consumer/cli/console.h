// What a program says to people, on stderr: one line each, prefixed by the program's name, safe for a
// terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bus::cli {

// Colour only on a terminal that can, and never with NO_COLOR (no-color.org).
bool colour_wanted(int fd);

// Columns of the terminal at `fd`; nothing when it is none.
std::optional<size_t> terminal_columns(int fd);

class Console {
 public:
  explicit Console(std::string program);

  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool quiet() const { return quiet_; }
  const std::string& program() const { return program_; }

  // Always said.
  void error(std::string_view text) const;
  // Said unless quiet.
  void note(std::string_view text) const;
  // Said unless quiet, as it is: lines that other programs wait for.
  void fixed_line(std::string_view line) const;

 private:
  void say(std::string_view prefix, std::string_view text) const;

  std::string program_;
  bool quiet_ = false;
  bool colour_;
};

}  // namespace bus::cli
