#include "consumer/sources/log_file.h"

#include <cstdio>
#include <ctime>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/file.h"

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

LogFile::LogFile(std::string path) : path_(std::move(path)) { open(); }

void LogFile::open() {
  auto opened = open_append(path_);
  if (!opened) {
    trouble_ = opened.error().what;
    file_.reset();
    return;
  }
  file_ = std::move(*opened);
  struct stat st {};
  bytes_ = ::fstat(file_.get(), &st) == 0 ? static_cast<size_t>(st.st_size) : 0;
}

void LogFile::write(Stream stream, uint64_t run, int64_t time_ms, std::string_view text) {
  if (!file_) return;
  std::string line = time_text(time_ms) + " " + std::to_string(run) +
                     (stream == Stream::out ? " stdout " : " stderr ") + std::string(text) + "\n";
  if (bytes_ > 0 && bytes_ + line.size() > kMaxBytes) {
    (void)std::rename(path_.c_str(), (path_ + ".1").c_str());
    open();
    if (!file_) return;
  }
  bytes_ += line.size();
  static_cast<void>(write_all(file_.get(), line));
}

}  // namespace bus::sources
