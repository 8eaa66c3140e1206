#include "consumer/sources/marks.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "consumer/sources/core/definition.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

void Marks::read() {
  names_.clear();
  std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory_.c_str()), &::closedir);
  if (!opened) return;
  while (const dirent* entry = ::readdir(opened.get())) {
    if (is_source_name(entry->d_name)) names_.insert(entry->d_name);
  }
}

Result<void> Marks::set_disabled(const std::string& name, bool disabled) {
  std::string path = directory_ + "/" + name;
  if (disabled) {
    BUSD_TRY(ensure_own_dir(state_directory_));
    BUSD_TRY(ensure_own_dir(directory_));
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return errno_error("make " + printable(path), errno);
    names_.insert(name);
    return {};
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error("remove " + printable(path), errno);
  names_.erase(name);
  return {};
}

}  // namespace bus::sources
