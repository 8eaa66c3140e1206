#include "hub/store/files.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hub/store/run_page.h"
#include "hub/store/table.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

constexpr std::array<const char*, 5> kEndings = {"", "-wal", "-shm", "-journal", "-run"};
// More than one of each is a reason to look, and a thousand are a reason to stop.
constexpr int kMostSetAside = 1000;

// Whether it is there, and has something in it.
Result<bool> check_file(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return false;
    return errno_error("stat " + printable(path), errno);
  }
  if (S_ISLNK(st.st_mode))
    return Error{Errc::denied, printable(path) + " is a symlink: refused, and left untouched"};
  if (!S_ISREG(st.st_mode))
    return Error{Errc::denied, printable(path) + " is not a regular file: left untouched"};
  if (st.st_uid != ::geteuid())
    return Error{Errc::denied, printable(path) + " belongs to uid " + std::to_string(st.st_uid) +
                                   ", not to us: left untouched"};
  if ((st.st_mode & 022U) != 0)
    return Error{Errc::denied, "others may write to " + printable(path) + "; chmod go-w it"};
  return st.st_size > 0;
}

// The big-endian numbers of a database's header (sqlite.org/fileformat.html, 1.3).
uint64_t header_number(const std::array<unsigned char, 100>& header, size_t at) {
  uint64_t out = 0;
  for (size_t i = 0; i < 4; ++i) out = out << 8 | header[at + i];
  return out;
}

// Read here and not by SQLite, which may write to a file only because it opens it. A file that is no database was one if a hub's record is
// beside it, and else it is somebody's.
Result<void> check_header(const std::string& path, bool has_page) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return errno_error("open " + printable(path), errno);
  std::array<unsigned char, 100> header{};
  ssize_t got = ::pread(file.get(), header.data(), header.size(), 0);
  if (got < 0) return errno_error("read " + printable(path), errno);
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  if (std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0) {
    bool is_ours = false;
    if (has_page) {
      BUSD_ASSIGN(is_ours, is_run_page(path + "-run"));
    }
    if (is_ours) return {};
    return Error{Errc::invalid,
                 printable(path) +
                     " is no database, and no hub has kept values in it: left untouched; move it "
                     "away, or name another file (--values)"};
  }
  if (header_number(header, 68) != kApplicationId)
    return Error{Errc::invalid, printable(path) + " is the database of another program: left untouched"};
  if (header_number(header, 60) > kSchemaVersion)
    return Error{Errc::invalid,
                 printable(path) + " was written by a newer busd: left untouched; use that one"};
  // A copy may have come with the mode that copies have; what is in it is for nobody else.
  static_cast<void>(::fchmod(file.get(), 0600));
  return {};
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

// Of the directory, or of the first one above that is there. Root may seem to be able to create files where the kernel keeps its own.
Result<void> check_file_system(std::string directory) {
  while (!exists(directory) && directory != "/") directory = parent_dir(directory);
  struct statfs fs {};
  if (::statfs(directory.c_str(), &fs) != 0) return errno_error("directory " + printable(directory), errno);
  bool keeps_nothing = fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
                       fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC;
  if (!keeps_nothing) return {};
  return Error{Errc::invalid, "no file can be kept in " + printable(directory) +
                                  ", which belongs to the kernel; name one on a disk (--values)"};
}

}  // namespace

Result<Files> look_at_files(std::string& path) {
  std::string directory = parent_dir(path);
  BUSD_TRY(check_file_system(directory));
  auto checked = check_own_dir(directory);
  if (!checked && checked.error().code == Errc::unavailable) return Files();
  if (!checked) return std::move(checked.error());
  Files found;
  if (!may_create_in(directory))
    found.read_only = errno_error("create files in " + printable(directory), errno);
  std::unique_ptr<char, decltype(&::free)> real(::realpath(directory.c_str(), nullptr), &::free);
  if (!real) return errno_error("directory " + printable(directory), errno);
  path = std::string(real.get()) + "/" + path.substr(path.rfind('/') + 1);
  BUSD_ASSIGN(found.database, check_file(path));
  BUSD_ASSIGN(found.log, check_file(path + "-wal"));
  BUSD_ASSIGN(bool journal, check_file(path + "-journal"));
  found.log = found.log || journal;
  BUSD_TRY(check_file(path + "-shm"));
  BUSD_ASSIGN(found.page, check_file(path + "-run"));
  if (found.database) BUSD_TRY(check_header(path, found.page));
  for (const std::string& file : {path, path + "-wal", path + "-run"}) {
    if (!found.read_only && ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0 && errno != ENOENT)
      found.read_only = errno_error("write to " + printable(file), errno);
  }
  return found;
}

Result<void> make_empty_file(const std::string& path) {
  for (const char* ending : kEndings) ::unlink((path + ending).c_str());
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return errno_error("create " + printable(path), errno);
  // The umask may have taken from it.
  if (::fchmod(file.get(), 0600) != 0) return errno_error("chmod " + printable(path), errno);
  return {};
}

Result<void> sync_directory(const std::string& directory) {
  for (const std::string& path : {directory, parent_dir(directory)}) {
    Fd opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // One above that we may enter and not read was there before.
    if (!opened && errno == EACCES && path != directory) continue;
    if (!opened || ::fsync(opened.get()) != 0) return errno_error("sync directory " + printable(path), errno);
  }
  return {};
}

Result<std::string> set_aside(const std::string& path) {
  for (int n = 1; n <= kMostSetAside; ++n) {
    std::string aside = path + ".corrupt-" + std::to_string(n);
    bool is_free = true;
    for (const char* ending : kEndings) is_free = is_free && !exists(aside + ending);
    if (!is_free) continue;
    for (const char* ending : kEndings) {
      std::string from = path + ending;
      if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, (aside + ending).c_str(), RENAME_NOREPLACE) != 0 &&
          errno != ENOENT)
        return errno_error("rename " + printable(from), errno);
    }
    return aside;
  }
  return Error{Errc::too_long,
               "there are too many damaged databases: remove some of " + printable(path + ".corrupt-*")};
}

}  // namespace bus::hub::store
