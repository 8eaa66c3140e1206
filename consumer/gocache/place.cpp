#include "consumer/gocache/place.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::gocache {

namespace {

constexpr size_t kHex = 64;

// CIFS and the newer SMB (linux/magic.h has only the older one).
constexpr long kCifs = 0xff534d42;
constexpr long kSmb2 = 0xfe534d42;

bool is_on_this_machine(int fd) {
  struct statfs fs {};
  if (::fstatfs(fd, &fs) != 0) return true;
  auto type = static_cast<long>(fs.f_type);
  return type != NFS_SUPER_MAGIC && type != kCifs && type != kSmb2 && type != SMB_SUPER_MAGIC &&
         type != V9FS_MAGIC && type != AFS_SUPER_MAGIC;
}

// What is there already can be opened as if it could be written to.
bool is_for_reading_only(int fd) {
  struct statvfs fs {};
  return ::fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

Result<Fd> open_directory(int at, const std::string& name) {
  Fd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_error("open directory " + printable(name), errno);
  return fd;
}

bool is_ours_alone(const struct stat& st) {
  return S_ISDIR(st.st_mode) && (st.st_uid == ::geteuid() || st.st_uid == 0) && (st.st_mode & 022U) == 0;
}

}  // namespace

std::string name_of(const Id& id, Kind kind) {
  std::string out;
  out.reserve(3 + kHex + 2);
  append_hex(out, id);
  out.insert(0, out.substr(0, 2) + "/");
  out += '-';
  return out += static_cast<char>(kind);
}

std::optional<Named> named(std::string_view file_name) {
  if (file_name.size() != kHex + 2 || file_name[kHex] != '-') return std::nullopt;
  char kind = file_name.back();
  if (kind != static_cast<char>(Kind::action) && kind != static_cast<char>(Kind::output)) return std::nullopt;
  auto id = id_of_hex(file_name.substr(0, kHex));
  if (!id) return std::nullopt;
  return Named{*id, static_cast<Kind>(kind)};
}

Result<Place> Place::open(const std::string& path, bool read_only) {
  Place out;
  BUSD_ASSIGN(out.path_, absolute_path(path));
  while (out.path_.size() > 1 && out.path_.back() == '/') out.path_.pop_back();
  out.read_only_ = read_only;
  if (read_only) {
    BUSD_TRY(check_own_dir(out.path_));
  } else {
    BUSD_TRY(ensure_own_dir(out.path_));
  }
  BUSD_ASSIGN(out.fd_, open_directory(AT_FDCWD, out.path_));
  out.is_local_ = is_on_this_machine(out.fd_.get());
  struct stat st {};
  if (::fstat(out.fd_.get(), &st) != 0) return errno_error("stat " + printable(out.path_), errno);
  out.device_ = st.st_dev;
  out.inode_ = st.st_ino;
  if (read_only) {
    // What a run before has left there can be told.
    if (auto own = open_directory(out.fd_.get(), kOwnFiles)) out.own_ = std::move(*own);
    return out;
  }
  if (is_for_reading_only(out.fd_.get()))
    return Error{Errc::io, "the disk of " + printable(out.path_) + " can only be read"};
  BUSD_TRY(ensure_own_dir(out.path_ + "/" + kOwnFiles));
  BUSD_ASSIGN(out.own_, open_directory(out.fd_.get(), kOwnFiles));
  out.outputs_ =
      Fd(::openat(out.own_.get(), "outputs", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!out.outputs_) return errno_error("open " + printable(out.path_ + "/" + kOwnFiles + "/outputs"), errno);
  for (const char* each : {"run", "tmp"}) {
    if (::mkdirat(out.own_.get(), each, 0700) != 0 && errno != EEXIST)
      return errno_error("create directory " + printable(out.path_ + "/" + kOwnFiles + "/" + each), errno);
  }
  return out;
}

bool Place::is_cache() const {
  // The go command makes all of its directories at once.
  return own_.get() >= 0 || ::faccessat(fd_.get(), "00", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool Place::trusts(const Id& id) {
  Trust& trust = trust_[id.bytes[0]];
  if (trust != Trust::unknown) return trust == Trust::yes;
  std::string name = name_of(id, Kind::action).substr(0, 2);
  struct stat st {};
  int failed = ::fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (failed != 0 && errno == ENOENT) {
    // Nothing is there yet, and may come.
    if (read_only_ || ::mkdirat(fd_.get(), name.c_str(), 0700) != 0) return false;
    failed = ::fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  }
  if (failed != 0) return false;
  trust = is_ours_alone(st) ? Trust::yes : Trust::no;
  return trust == Trust::yes;
}

bool Place::move_in(const std::string& own_name, const std::string& name) const {
  auto move = [&] { return ::renameat(own_.get(), own_name.c_str(), fd_.get(), name.c_str()) == 0; };
  if (move()) return true;
  return errno == ENOENT && ::mkdirat(fd_.get(), name.substr(0, 2).c_str(), 0700) == 0 && move();
}

bool Place::may_serve(const struct stat& st) const {
  bool is_owner_fine = st.st_uid == ::geteuid() || (read_only_ && st.st_uid == 0);
  return S_ISREG(st.st_mode) && is_owner_fine && (st.st_mode & 022U) == 0;
}

bool Place::is_in_place() const {
  struct stat st {};
  return ::lstat(path_.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_;
}

OutputLock::OutputLock(const Place& place, const Id& output, bool exclusively)
    : file_(place.outputs_.get()), at_(static_cast<off_t>(output.number() >> 2U)) {
  is_free_ = set(exclusively ? F_WRLCK : F_RDLCK);
}

OutputLock::~OutputLock() {
  if (is_free_) set(F_UNLCK);
}

bool OutputLock::set(short kind) const {
  struct flock lock {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  lock.l_start = at_;
  lock.l_len = 1;
  if (file_ < 0 || ::fcntl(file_, F_OFD_SETLK, &lock) == 0) return true;
  return errno != EAGAIN && errno != EACCES;
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit > 0 && amount < 10 ? "%.1f %s" : "%.0f %s", amount,
                kUnits[unit]);
  return text.data();
}

}  // namespace bus::gocache
