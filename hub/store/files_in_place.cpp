#include "hub/store/files_in_place.h"

#include <cerrno>
#include <cstddef>
#include <sys/stat.h>

#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

constexpr std::array<const char*, 3> kEndingsInPlace = {"", "-wal", "-run"};

}  // namespace

Result<void> FilesInPlace::note(const std::string& path) {
  for (size_t i = 0; i < kEndingsInPlace.size(); ++i) {
    File& file = files_[i];
    file.path = path + kEndingsInPlace[i];
    struct stat st {};
    if (::lstat(file.path.c_str(), &st) != 0) return errno_error("stat " + printable(file.path), errno);
    file.device = st.st_dev;
    file.inode = st.st_ino;
  }
  return {};
}

Result<void> FilesInPlace::look() const {
  for (const File& file : files_) {
    struct stat st {};
    if (::lstat(file.path.c_str(), &st) != 0) {
      if (errno != ENOENT && errno != ENOTDIR)
        return errno_error("whether it is still there is not known: stat " + printable(file.path), errno);
      return Error{Errc::unavailable,
                   printable(file.path) + " was removed or moved away under the running hub"};
    }
    if (st.st_dev != file.device || st.st_ino != file.inode)
      return Error{Errc::unavailable, printable(file.path) + " was replaced under the running hub"};
  }
  return {};
}

}  // namespace bus::hub::store
