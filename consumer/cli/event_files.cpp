#include "consumer/cli/event_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bus::cli {

namespace {

constexpr size_t kLabelBytes = 64;
constexpr int kMostTwins = 10'000;

std::string system_fault(const std::string& what) { return what + ": " + std::strerror(errno); }

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string padded(const std::string& digits, size_t width) {
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

}  // namespace

std::string event_file_stem(int64_t arrival_ms, uint64_t seq, std::string_view label) {
  std::string safe(label.substr(0, std::min(label.size(), kLabelBytes)));
  for (char& c : safe) {
    bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  return padded(std::to_string(arrival_ms), 13) + "-" + padded(std::to_string(seq), 8) + "-" + safe;
}

EventFiles::~EventFiles() {
  if (fd_ >= 0) close(fd_);
}

std::string EventFiles::open(const std::string& directory) {
  directory_ = directory;
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return system_fault("cannot create " + directory);
  fd_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) return system_fault("cannot open directory " + directory);
  if (faccessat(fd_, ".", W_OK | X_OK, 0) != 0) return system_fault("cannot write to directory " + directory);
  return {};
}

std::string EventFiles::write(std::string_view label, uint64_t seq, int64_t arrival_ms,
                              std::string_view text) {
  std::string stem = event_file_stem(arrival_ms, seq, label);
  std::string temporary = ".tmp-" + std::to_string(getpid()) + "-" + stem;
  int fd = openat(fd_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return system_fault("cannot create a file in " + directory_);
  bool complete = write_all(fd, text) && write_all(fd, "\n");
  std::string fault = complete ? std::string() : system_fault("cannot write to a file in " + directory_);
  if (close(fd) != 0 && fault.empty()) fault = system_fault("cannot write to a file in " + directory_);
  if (fault.empty()) fault = publish(temporary, stem);
  if (!fault.empty()) unlinkat(fd_, temporary.c_str(), 0);
  return fault;
}

std::string EventFiles::publish(const std::string& temporary, const std::string& stem) const {
  for (int twin = 1; twin <= kMostTwins; ++twin) {
    std::string name = stem + (twin == 1 ? "" : "-" + std::to_string(twin)) + ".json";
    if (renameat2(fd_, temporary.c_str(), fd_, name.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EEXIST) continue;
    bool unsupported = errno == EINVAL || errno == ENOSYS;  // some network file systems
    if (unsupported && linkat(fd_, temporary.c_str(), fd_, name.c_str(), 0) == 0) {
      unlinkat(fd_, temporary.c_str(), 0);
      return {};
    }
    if (errno != EEXIST) return system_fault("cannot name a file in " + directory_);
  }
  return "too many files named " + stem + " in " + directory_;
}

}  // namespace bus::cli
