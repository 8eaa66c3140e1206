#include "consumer/gocache/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

#include "consumer/gocache/core/entry.h"

namespace bus::gocache {

namespace {

constexpr uint64_t kBlockBytes = 512;  // stat(2)

void for_each_file_in(int at, const std::string& name, std::optional<Kind> kind,
                      const std::function<void(const CacheFile&)>& take) {
  int fd = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd), &::closedir);
  if (!directory) {
    ::close(fd);
    return;
  }
  while (const dirent* each = ::readdir(directory.get())) {
    auto what = named(each->d_name);
    struct stat st {};
    if (!what || (kind && what->kind != *kind)) continue;
    if (::fstatat(fd, each->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) continue;
    take({fd, each->d_name, *what, static_cast<uint64_t>(st.st_size),
          static_cast<uint64_t>(st.st_blocks) * kBlockBytes,
          st.st_mtim.tv_sec * kSecondNs + st.st_mtim.tv_nsec});
  }
}

}  // namespace

void for_each_file(const Place& place, std::optional<Kind> kind,
                   const std::function<void(const CacheFile&)>& take) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (char high : kDigits) {
    for (char low : kDigits) for_each_file_in(place.fd(), {high, low}, kind, take);
  }
}

}  // namespace bus::gocache
