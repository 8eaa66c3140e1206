#include "protocol/base/lock_holder.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "protocol/base/fd.h"
#include "protocol/base/file.h"

namespace bus {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxLocksFileBytes = 4'194'304;

template <class Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view next_word(std::string_view& text) {
  size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  size_t end = std::min(text.find_first_of(" \t", begin), text.size());
  std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

// The pid in a line of /proc/locks (proc(5)) if it is an flock held on `file`:
//   1: FLOCK  ADVISORY  WRITE 708 fe:01:1234 0 EOF
std::optional<int64_t> flock_holder(std::string_view line, const struct stat& file) {
  next_word(line);
  if (next_word(line) != "FLOCK") return std::nullopt;  // "->" there: one who waits
  next_word(line);
  next_word(line);
  auto pid = number_of<int64_t>(next_word(line), 10);
  std::string_view where = next_word(line);
  size_t first = where.find(':');
  size_t second = where.rfind(':');
  if (!pid || first == std::string_view::npos || first == second) return std::nullopt;
  auto device_major = number_of<unsigned>(where.substr(0, first), 16);
  auto device_minor = number_of<unsigned>(where.substr(first + 1, second - first - 1), 16);
  auto inode = number_of<uint64_t>(where.substr(second + 1), 10);
  if (device_major != major(file.st_dev) || device_minor != minor(file.st_dev) || inode != file.st_ino)
    return std::nullopt;
  return pid;
}

// Calls `on_line` for each line, until it answers true; whether it did.
template <class OnLine>
bool any_line(std::string_view text, OnLine on_line) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    if (on_line(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

std::string directory_of(int64_t pid) { return "/proc/" + std::to_string(pid); }

// The kernel lists with a descriptor the locks that belong to it, whoever took them:
//   lock:   1: FLOCK  ADVISORY  WRITE 708 fe:01:1234 0 EOF
bool locks_by(int64_t pid, const std::string& number, const struct stat& file) {
  constexpr std::string_view kLabel = "lock:";
  auto info = read_file(directory_of(pid) + "/fdinfo/" + number, kMaxLocksFileBytes);
  return info && any_line(*info, [&](std::string_view line) {
           return line.starts_with(kLabel) && flock_holder(line.substr(kLabel.size()), file).has_value();
         });
}

// Whether the process has a descriptor of which `wanted(link, file)` is true and to which an flock belongs;
// nothing: its descriptors may not be seen.
template <class Wanted>
std::optional<bool> holds(int64_t pid, Wanted wanted) {
  std::error_code failure;
  fs::directory_iterator files(directory_of(pid) + "/fd", failure);
  if (failure == std::errc::permission_denied) return std::nullopt;
  for (; !failure && files != fs::directory_iterator(); files.increment(failure)) {
    struct stat file {};
    if (::stat(files->path().c_str(), &file) == 0 && S_ISREG(file.st_mode) && wanted(files->path(), file) &&
        locks_by(pid, files->path().filename(), file)) {
      return true;
    }
  }
  return false;
}

std::optional<bool> holds_file(int64_t pid, const struct stat& wanted) {
  return holds(pid, [&wanted](const fs::path&, const struct stat& file) {
    return file.st_ino == wanted.st_ino && file.st_dev == wanted.st_dev;
  });
}

// Of our user, and with our view of the file system: elsewhere the same path is another file.
bool is_like_us(int64_t pid) {
  struct stat process {};
  struct stat its {};
  struct stat ours {};
  return ::stat(directory_of(pid).c_str(), &process) == 0 && process.st_uid == ::geteuid() &&
         ::stat((directory_of(pid) + "/ns/mnt").c_str(), &its) == 0 &&
         ::stat("/proc/self/ns/mnt", &ours) == 0 && its.st_ino == ours.st_ino && its.st_dev == ours.st_dev;
}

// As the kernel shows a removed file, whose directory may be gone, too.
std::string removed_link(const std::string& path) {
  std::error_code failure;
  fs::path directory = fs::weakly_canonical(fs::path(path).parent_path(), failure);
  return (directory / fs::path(path).filename()).string() + " (deleted)";
}

bool holds_removed(int64_t pid, const std::string& wanted_link) {
  return holds(pid,
               [&wanted_link](const fs::path& link, const struct stat& file) {
                 std::error_code gone;
                 return file.st_nlink == 0 && fs::read_symlink(link, gone) == wanted_link;
               })
      .value_or(false);
}

template <class Wanted>
std::vector<int64_t> find_processes(Wanted wanted) {
  std::vector<int64_t> found;
  std::error_code failure;
  fs::directory_iterator processes("/proc", failure);
  for (; !failure && processes != fs::directory_iterator(); processes.increment(failure)) {
    auto pid = number_of<int64_t>(processes->path().filename().string(), 10);
    if (pid && wanted(*pid)) found.push_back(*pid);
  }
  return found;
}

// Of those that the list names, one that has the lock; else any process that got the descriptor from them.
int64_t proved_holder(const std::string& locks, const struct stat& file) {
  int64_t pid = 0;
  any_line(locks, [&](std::string_view line) {
    auto listed = flock_holder(line, file);
    if (!listed || *listed <= 0) return false;
    struct stat process {};
    if (::stat(directory_of(*listed).c_str(), &process) != 0) return false;
    auto held = holds_file(*listed, file);
    if (held.value_or(process.st_uid == file.st_uid)) pid = *listed;
    return pid != 0;
  });
  if (pid != 0) return pid;
  std::vector<int64_t> heirs =
      find_processes([&file](int64_t any) { return holds_file(any, file).value_or(false); });
  return heirs.empty() ? 0 : heirs.front();
}

}  // namespace

LockFacts inspect_lock(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return {errno == ENOENT ? LockState::free : LockState::unknown, 0};
  if (!S_ISREG(file.st_mode)) return {LockState::unknown, 0};
  auto locks = read_file("/proc/locks", kMaxLocksFileBytes);
  bool listed = locks && any_line(*locks, [&file](std::string_view line) {
                  return flock_holder(line, file).has_value();
                });
  if (listed) return {LockState::held, proved_holder(*locks, file)};
  // Not every lock is listed: not one from another pid namespace, and some file systems name another device.
  // A shared lock, held for no time, tells; a hub that wants the lock in that moment tries again. The lock of
  // another user's hub cannot be opened.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return {LockState::unknown, 0};
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return {LockState::free, 0};
  return {errno == EWOULDBLOCK ? LockState::held : LockState::unknown, 0};
}

std::vector<int64_t> lock_holders(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return {};
  return find_processes([&file](int64_t pid) { return holds_file(pid, file).value_or(false); });
}

std::vector<int64_t> removed_lock_holders(const std::string& path) {
  std::string link = removed_link(path);
  return find_processes([&link](int64_t pid) { return is_like_us(pid) && holds_removed(pid, link); });
}

}  // namespace bus
