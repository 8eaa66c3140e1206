// What a program says on stderr: one line each, prefixed by the program's name and safe for a terminal. With
// --json-errors each error is a line of JSON instead; what is no error stays as it is.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consumer/cli/error.h"

namespace bus::cli {

// Colour only on a terminal that can, and never with NO_COLOR (no-color.org).
bool colour_wanted(int fd);

// Whether a line on the terminal at `fd` can be rewritten in place; no: it is none, or a dumb one.
bool can_rewrite(int fd);
// What clears such a line.
inline constexpr std::string_view kClearLine = "\r\x1b[K";

// Columns of the terminal at `fd`; nothing when it is none.
std::optional<size_t> terminal_columns(int fd);

class Console {
 public:
  explicit Console(std::string program);

  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool quiet() const { return quiet_; }
  const std::string& program() const { return program_; }

  // Each error as a line of JSON.
  void set_json_errors(bool json) { json_errors_ = json; }
  bool json_errors() const { return json_errors_; }

  // What is said goes to `writer` instead of stderr, which may be one that nobody reads; nullptr: to stderr again.
  void set_writer(std::function<void(std::string_view line)> writer) { writer_ = std::move(writer); }

  // `path` comes from a variable, "BUSD_SOCKET": errors about a path there, or below, name it.
  void add_origin(std::string path, std::string variable) {
    origins_.push_back({std::move(path), std::move(variable)});
  }

  // Always said. Returns the exit status that the error leads to.
  int error(const Error& given) const;
  // With the exit status of most errors of that code.
  int error(ErrorCode code, std::string_view message, std::string_view hint = {}) const;
  // An error without a code of its own: "what is wrong; what to do about it".
  void error(std::string_view text) const;
  // Said even when quiet, although it is no error of the program: what the reader must not miss.
  void warning(std::string_view text) const;
  // Said unless quiet.
  void note(std::string_view text) const;
  // Said unless quiet, as it is: lines that other programs wait for.
  void fixed_line(std::string_view line) const;

 private:
  void say(std::string_view prefix, std::string_view text) const;

  struct Origin {
    std::string path;
    std::string variable;
  };

  Error with_origins(Error error) const;

  std::string program_;
  std::vector<Origin> origins_;
  std::function<void(std::string_view)> writer_;
  bool quiet_ = false;
  bool json_errors_ = false;
  bool colour_;
};

}  // namespace bus::cli
