#include "hub/log.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"

namespace bus::hub {

namespace {

// Small enough for a pipe to take it as a whole when poll says that there is room (pipe(7): PIPE_BUF).
constexpr size_t kMaxLineBytes = 4000;

// sd-daemon(3): stderr is the journal when $JOURNAL_STREAM names its device and inode.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat st {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &st) != 0) return false;
  return std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino) == stream;
}

bool same_file(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// syslog(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG.
const char* priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "<3>";
    case LogLevel::warning:
      return "<4>";
    case LogLevel::info:
      return "<6>";
    case LogLevel::debug:
      break;
  }
  return "<7>";
}

// Whether so many bytes of a line tell what it says. Its end comes before the next line if it must.
bool is_whole(const std::string& line, size_t written) { return written + 1 >= line.size(); }

// "time=2026-01-31T23:59:59.999Z ".
std::string timestamp() {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  tm parts{};
  ::gmtime_r(&at.tv_sec, &parts);
  char date[32];
  size_t length = std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[32];
  std::snprintf(fraction, sizeof fraction, ".%03ldZ ", at.tv_nsec / 1'000'000);
  return "time=" + std::string(date, length) + fraction;
}

}  // namespace

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      break;
  }
  return "debug";
}

std::optional<LogLevel> log_level_of(std::string_view name) {
  for (LogLevel level : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug}) {
    if (name == name_of(level)) return level;
  }
  return std::nullopt;
}

Log::Log(LogLevel level, size_t max_file_bytes)
    : level_(level), max_file_bytes_(max_file_bytes), journal_(stderr_is_journal()) {}

Result<void> Log::open_file(const std::string& path) {
  BUSD_TRY(use_file(path));
  path_ = path;
  return {};
}

Result<void> Log::use_file(const std::string& path) {
  BUSD_ASSIGN(Fd opened, open_append(path));
  struct stat st {};
  if (::fstat(opened.get(), &st) != 0) return errno_error("stat " + printable(path), errno);
  bool follow = file_ ? same_file(STDERR_FILENO, file_.get()) : same_file(STDERR_FILENO, opened.get());
  if (follow) ::dup2(opened.get(), STDERR_FILENO);
  file_ = std::move(opened);
  file_bytes_ = static_cast<size_t>(st.st_size);
  return {};
}

void Log::reopen() {
  if (!file_) return;
  auto done = use_file(path_);
  if (!done) write(LogLevel::error, "log file not reopened", {{"reason", done.error().what}});
}

void Log::rotate() {
  // When either step fails the old file goes on growing, and this is tried again after as much as it may
  // hold.
  // Nothing to rename: it was done the last time, and only the new file could not be opened.
  bool moved = ::rename(path_.c_str(), (path_ + ".1").c_str()) == 0 || errno == ENOENT;
  if (moved && use_file(path_)) return;
  file_bytes_ = 0;
}

void Log::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!wants(level)) return;
  std::string line;
  if (file_) {
    line += timestamp();
  } else if (journal_) {
    line += priority_of(level);
  }
  line.append("level=").append(name_of(level)).append(" msg=").append(printable(message));
  for (const LogField& field : fields) line.append(" ").append(field.key).append("=").append(field.value);
  if (line.size() > kMaxLineBytes) line.resize(kMaxLineBytes);
  line += '\n';
  put(line);
}

void Log::put(const std::string& line) {
  if (lost_ > 0) {
    std::string report = (file_ ? timestamp() : std::string()) +
                         "level=warning msg=\"log lines lost\" lines=" + std::to_string(lost_) + "\n";
    if (file_ ? put_file(report) : put_stderr(report)) lost_ = 0;
  }
  if (!(file_ ? put_file(line) : put_stderr(line))) ++lost_;
}

bool Log::put_file(const std::string& line) {
  if (file_bytes_ + line.size() > max_file_bytes_) rotate();
  size_t written = put_line(file_.get(), line);
  file_bytes_ += written;
  return is_whole(line, written);
}

bool Log::put_stderr(const std::string& line) {
  // stderr may be a pipe that nobody empties; it belongs to others too, so it is not made non-blocking.
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
  return is_whole(line, put_line(STDERR_FILENO, line));
}

size_t Log::put_line(int fd, const std::string& line) {
  // What a full disk cut off must not be the beginning of the next line.
  if (torn_ && ::write(fd, "\n", 1) != 1) return 0;
  torn_ = false;
  ssize_t written = ::write(fd, line.data(), line.size());
  if (written <= 0) return 0;
  torn_ = static_cast<size_t>(written) < line.size();
  return static_cast<size_t>(written);
}

}  // namespace bus::hub
