#include "protocol/base/file.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/strings.h"

namespace bus {

namespace {

// The directory that a symlink leads to; empty when it leads to none.
std::string target_of(const std::string& path) {
  std::unique_ptr<char, decltype(&::free)> target(::realpath(path.c_str(), nullptr), ::free);
  return target ? std::string(target.get()) : std::string();
}

Error not_regular(const std::string& path) {
  return {Errc::denied, printable(path) + " is not a regular file: left untouched"};
}

// Gives us back what the umask took from us of a directory that we have just made; from others it takes more.
void keep_usable(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0 || (st.st_mode & 0700U) == 0700U) return;
  // Where that fails, the next step in the directory does, and says so.
  [[maybe_unused]] int failed =
      ::fchmodat(AT_FDCWD, path.c_str(), (st.st_mode & 07777U) | 0700U, AT_SYMLINK_NOFOLLOW);
}

// Opens a file that is there, or with O_CREAT makes it.
Result<Fd> open_file(const std::string& path, int flags) {
  // O_NONBLOCK so that a FIFO somebody put there cannot hang us.
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) {
    if (errno == ELOOP)
      return Error{Errc::denied, printable(path) + " is a symlink: refused, and left untouched"};
    // A directory, or a socket or a FIFO without a reader.
    if (errno == EISDIR || errno == ENXIO) return not_regular(path);
    return errno_error("open " + printable(path), errno);
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return errno_error("stat " + printable(path), errno);
  if (!S_ISREG(st.st_mode)) return not_regular(path);
  return fd;
}

Result<Fd> open_regular(const std::string& path, int flags) {
  BUSD_ASSIGN(Fd fd, open_file(path, flags | O_CREAT));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return errno_error("stat " + printable(path), errno);
  // The umask may have taken from a new file what the next program needs to open it.
  if (st.st_uid == ::geteuid() && (st.st_mode & 0600U) != 0600U)
    static_cast<void>(::fchmod(fd.get(), (st.st_mode & 07777U) | 0600U));
  return fd;
}

Result<void> try_open(const std::string& path, int flags) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0 && errno == ENOENT) {
    if (may_create_in(parent_dir(path))) return {};
    return errno_error("open " + printable(path), errno);
  }
  BUSD_TRY(open_file(path, flags));
  return {};
}

}  // namespace

Result<void> check_own_dir(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return errno_error("directory " + printable(path), errno);
  if (S_ISLNK(st.st_mode)) {
    std::string target = target_of(path);
    return Error{Errc::denied,
                 "directory " + printable(path) + " is a symlink; " +
                     (target.empty() ? "name the directory itself"
                                     : "name the directory that it leads to: " + printable(target))};
  }
  if (!S_ISDIR(st.st_mode)) return Error{Errc::denied, printable(path) + " is not a directory"};
  if (st.st_uid != ::geteuid()) {
    std::string uid = std::to_string(::geteuid());
    return Error{Errc::denied, "directory " + printable(path) + " belongs to uid " +
                                   std::to_string(st.st_uid) + ", not to us (uid " + uid +
                                   "); use a directory of your own, such as /tmp/busd-" + uid + "/"};
  }
  if ((st.st_mode & 022U) == 0) return {};
  return Error{Errc::denied,
               "others may write to directory " + printable(path) + "; chmod go-w it, or use another one"};
}

Result<bool> ensure_own_dir(const std::string& path) {
  // Parents: whatever goes wrong with one of them shows in the last mkdir.
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    std::string parent = path.substr(0, at);
    if (::mkdir(parent.c_str(), 0755) == 0) keep_usable(parent);
  }
  bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return errno_error("create directory " + printable(path), errno);
  if (made) keep_usable(path);
  auto checked = check_own_dir(path);
  if (checked) return made;
  if (made) ::rmdir(path.c_str());
  return std::move(checked.error());
}

bool may_create_in(const std::string& directory) {
  return ::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

Result<bool> try_own_dir(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0) {
    BUSD_TRY(check_own_dir(path));
    return false;
  }
  // The first of its parents that is there decides whether the others can be made.
  std::string parent = path;
  while (errno == ENOENT && parent != "/" && parent != ".") {
    parent = parent_dir(parent);
    if (may_create_in(parent)) return true;
  }
  return errno_error("create directory " + printable(path), errno);
}

Result<Fd> open_append(const std::string& path) { return open_regular(path, O_WRONLY | O_APPEND); }

Result<void> try_open_append(const std::string& path) { return try_open(path, O_WRONLY | O_APPEND); }

Result<void> try_open_lock(const std::string& path) { return try_open(path, O_RDWR); }

Result<Fd> try_lock_file(const std::string& path) {
  // More often than anybody deletes a file by accident.
  constexpr int kMostTries = 100;
  for (int tries = 0; tries < kMostTries; ++tries) {
    BUSD_ASSIGN(Fd fd, open_regular(path, O_RDWR));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK)
        return Error{Errc::busy, "lock " + printable(path) + " is held by another process"};
      return errno_error("lock " + printable(path), errno);
    }
    struct stat ours {};
    struct stat there {};
    if (::fstat(fd.get(), &ours) != 0) return errno_error("stat " + printable(path), errno);
    if (::lstat(path.c_str(), &there) != 0) {
      if (errno == ENOENT) continue;
      return errno_error("stat " + printable(path), errno);
    }
    if (ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) return fd;
  }
  return Error{Errc::busy, "lock " + printable(path) + " is deleted again and again"};
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno_error("write", errno);
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<std::string> read_file(const std::string& path, size_t max_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("open " + printable(path), errno);
  std::string out;
  char chunk[16384];
  for (;;) {
    ssize_t n = ::read(fd.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read " + printable(path), errno);
    if (n == 0) return out;
    out.append(chunk, static_cast<size_t>(n));
    if (out.size() > max_bytes) {
      return Error{Errc::too_long,
                   printable(path) + " is larger than " + std::to_string(max_bytes) + " bytes"};
    }
  }
}

std::string parent_dir(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> absolute_path(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) == nullptr) return errno_error("current directory", errno);
  return std::string(here) + "/" + path;
}

}  // namespace bus
