// The hub's log: one line per happening, key=value, to stderr or to a file that is rotated by size.
//
// Text from outside is quoted, so that it can neither forge a line nor reach a terminal. Logging never fails
// and never blocks: what cannot be written (full disk, a reader that does not read) is counted, and the count
// is told later.
#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "hub/core/base/log_level.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/base/strings.h"

namespace bus::hub {

const char* name_of(LogLevel level);
std::optional<LogLevel> log_level_of(std::string_view name);

// At this size NAME.log becomes NAME.log.1 (replacing the former one) and a new one is begun.
inline constexpr size_t kMaxLogBytes = 1024 * 1024;

struct LogField {
  LogField(std::string_view k, std::string_view untrusted) : key(k), value(printable(untrusted)) {}
  LogField(std::string_view k, std::integral auto number) : key(k), value(std::to_string(number)) {}

  std::string_view key;
  std::string value;
};

class Log {
 public:
  // To stderr; with the <N> priority prefixes of syslog only when stderr is the journal.
  explicit Log(LogLevel level = LogLevel::info, size_t max_file_bytes = kMaxLogBytes);

  // To `path` from now on, each line with its time. When stderr is that file already (as start_daemon sets it
  // up), stderr follows it through rotations, so that a last word of the runtime is not lost. Error denied: a
  // symlink or not a regular file, left untouched.
  Result<void> open_file(const std::string& path);
  // Opens the file again by its name (SIGHUP, after somebody else has moved it). Keeps the old one when that
  // fails.
  void reopen();

  bool wants(LogLevel level) const { return level <= level_; }
  // `message` is our own text.
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

 private:
  void put(const std::string& line);
  bool put_file(const std::string& line);
  bool put_stderr(const std::string& line);
  // Returns how many bytes of it the descriptor took.
  size_t put_line(int fd, const std::string& line);
  void rotate();
  Result<void> use_file(const std::string& path);

  LogLevel level_;
  size_t max_file_bytes_;
  bool journal_ = false;
  std::string path_;
  Fd file_;
  size_t file_bytes_ = 0;
  bool torn_ = false;  // what was written last ends in the middle of a line
  uint64_t lost_ = 0;
};

}  // namespace bus::hub
