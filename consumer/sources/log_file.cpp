#include "consumer/sources/log_file.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

std::string time_text(int64_t time_ms) {
  time_t seconds_since = time_ms / 1000;
  tm parts{};
  ::gmtime_r(&seconds_since, &parts);
  char text[64];
  size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(time_ms % 1000));
  return std::string(text, length) + fraction;
}

}  // namespace

LogFile::LogFile(std::string path) : path_(std::move(path)) {
  open();
  is_told_ = !file_;
}

void LogFile::open() {
  auto opened = open_append(path_);
  if (!opened) {
    trouble_ = opened.error().what;
    file_.reset();
    bytes_ = 0;
    return;
  }
  torn_ = false;
  file_ = std::move(*opened);
  struct stat st {};
  bytes_ = ::fstat(file_.get(), &st) == 0 ? static_cast<size_t>(st.st_size) : 0;
}

bool LogFile::write(Stream stream, uint64_t run, int64_t time_ms, std::string_view text) {
  std::string head = time_text(time_ms) + " " + std::to_string(run);
  std::string lines;
  if (lost_ > 0) lines = head + " stderr [" + std::to_string(lost_) + " lines lost: " + trouble_ + "]\n";
  lines.append(head).append(stream == Stream::out ? " stdout " : " stderr ").append(text).append("\n");
  if (bytes_ > 0 && bytes_ + lines.size() > kMaxBytes) {
    (void)std::rename(path_.c_str(), (path_ + ".1").c_str());
    open();
  } else if (!file_) {
    open();
  }
  if (put(lines)) {
    lost_ = 0;
    is_told_ = false;
    return false;
  }
  ++lost_;
  return !std::exchange(is_told_, true);
}

bool LogFile::put(const std::string& lines) {
  if (!file_) return false;
  // What a full disk cut off must not be the beginning of the next line.
  std::string text = torn_ ? "\n" + lines : lines;
  ssize_t written = ::write(file_.get(), text.data(), text.size());
  if (written > 0) {
    bytes_ += static_cast<size_t>(written);
    torn_ = static_cast<size_t>(written) < text.size();
    if (!torn_) return true;
  }
  trouble_ = written < 0 ? errno_error("write " + printable(path_), errno).what
                         : "there is no room for all of " + printable(path_);
  return false;
}

}  // namespace bus::sources
