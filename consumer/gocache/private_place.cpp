#include "consumer/gocache/private_place.h"

#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::gocache {

namespace {

constexpr std::string_view kPrefix = "bus-gocache-";

std::string temporary_directory() {
  const char* set = std::getenv("TMPDIR");
  return set != nullptr && set[0] == '/' ? set : "/tmp";
}

bool is_memory(const std::string& path) { return path.starts_with("/proc/"); }

}  // namespace

PrivatePlace::~PrivatePlace() {
  if (!directory_.empty()) remove_private_place(directory_);
}

Result<void> PrivatePlace::make() {
  remove_dead_private_places();
  std::string path = temporary_directory() + "/" + std::string(kPrefix) + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return errno_error("create a directory in " + printable(parent_dir(path)), errno);
  lock_ = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!lock_) return errno_error("open " + printable(path), errno);
  // Where there are no locks, no process takes it for dead either.
  static_cast<void>(::flock(lock_.get(), LOCK_EX));
  // Another process that looks for dead ones may have had it before us.
  if (::access(path.c_str(), F_OK) != 0) return errno_error("find " + printable(path), errno);
  directory_ = path;
  made_(directory_);
  return {};
}

void remove_dead_private_places() {
  std::string parent = temporary_directory();
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(parent.c_str()), &::closedir);
  if (!entries) return;
  while (const dirent* each = ::readdir(entries.get())) {
    if (!std::string_view(each->d_name).starts_with(kPrefix)) continue;
    std::string path = parent + "/" + each->d_name;
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    struct stat st {};
    if (fd && ::fstat(fd.get(), &st) == 0 && st.st_uid == ::geteuid() &&
        ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      remove_private_place(path);
  }
}

Result<PrivatePlace::File> PrivatePlace::on_disk() {
  if (directory_.empty()) BUSD_TRY(make());
  File out;
  out.path = directory_ + "/" + std::to_string(++made_files_);
  out.fd = Fd(::open(out.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out.fd) return errno_error("create " + printable(out.path), errno);
  return out;
}

Result<PrivatePlace::File> PrivatePlace::in_memory() {
  File out;
  out.fd = Fd(::memfd_create("bus-gocache", MFD_CLOEXEC));
  if (!out.fd) return errno_error("create a file in memory", errno);
  out.path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(out.fd.get());
  return out;
}

void PrivatePlace::keep(File file) {
  if (is_memory(file.path)) in_memory_.push_back(std::move(file.fd));
}

void remove_private_place(const std::string& directory) {
  // The name stands in a file; it is only believed where it leads to what we make.
  if (directory.find('/') == std::string::npos ||
      !directory.substr(directory.rfind('/') + 1).starts_with(kPrefix))
    return;
  int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st {};
  if (fd < 0) return;
  if (::fstat(fd, &st) != 0 || st.st_uid != ::geteuid()) {
    ::close(fd);
    return;
  }
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), &::closedir);
  if (!entries) {
    ::close(fd);
    return;
  }
  while (const dirent* each = ::readdir(entries.get())) {
    if (each->d_name[0] >= '0' && each->d_name[0] <= '9') ::unlinkat(fd, each->d_name, 0);
  }
  ::rmdir(directory.c_str());
}

}  // namespace bus::gocache
