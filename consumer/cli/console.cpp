#include "consumer/cli/console.h"

#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/output.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kPlain = "\x1b[0m";

// "/x/bus" is at "/x/bus", and so are "/x/bus.sock" and "/x/bus.lock".
bool is_at_or_below(std::string_view path, std::string_view place) {
  if (!path.starts_with(place)) return false;
  path.remove_prefix(place.size());
  return path.empty() || path.front() == '/' || path.front() == '.';
}

}  // namespace

bool colour_wanted(int fd) {
  const char* no_color = getenv("NO_COLOR");
  const char* term = getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (term == nullptr || *term == '\0' || std::strcmp(term, "dumb") == 0) return false;
  return isatty(fd) == 1;
}

bool can_rewrite(int fd) {
  const char* term = getenv("TERM");
  bool capable = term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0;
  return capable && isatty(fd) == 1;
}

std::optional<size_t> terminal_columns(int fd) {
  winsize size{};
  if (isatty(fd) != 1 || ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return size.ws_col == 0 ? 80 : size.ws_col;
}

Console::Console(std::string program) : program_(std::move(program)), colour_(colour_wanted(STDERR_FILENO)) {}

// Who gave no path does not know it by sight.
Error Console::with_origins(Error error) const {
  std::string variables;
  for (const auto& [path, variable] : origins_) {
    if (!is_at_or_below(error.path, path) || error.message.find("$" + variable) != std::string::npos)
      continue;
    variables += (variables.empty() ? "$" : " and $") + variable;
  }
  if (!variables.empty()) error.message += " (the path is from " + variables + ")";
  return error;
}

int Console::error(const Error& given) const {
  Error error = with_origins(given);
  if (json_errors_) {
    say("", json_of(error));
    return error.exit;
  }
  std::string prefix = program_ + ": ";
  if (colour_) prefix = std::string(kRed) + program_ + ":" + std::string(kPlain) + " ";
  say(prefix, error.hint.empty() ? error.message : error.message + "; " + error.hint);
  return error.exit;
}

int Console::error(ErrorCode code, std::string_view message, std::string_view hint) const {
  return error(Error{code, exit_code_of(code), std::string(message), std::string(hint), {}});
}

void Console::error(std::string_view text) const { error(error_of(ErrorCode::failed, text)); }

void Console::warning(std::string_view text) const { say(program_ + ": ", text); }

void Console::note(std::string_view text) const {
  if (!quiet_) say(program_ + ": ", text);
}

void Console::fixed_line(std::string_view line) const {
  if (!quiet_) say("", line);
}

void Console::say(std::string_view prefix, std::string_view text) const {
  // One write for the line, so that lines of several programs on one stderr do not mix.
  std::string line(prefix);
  line += safe_text(text);
  line += '\n';
  writer_ ? writer_(line) : write_to_people(line);
}

}  // namespace bus::cli
