#include "tests/bench/scratch_file.h"

#include <cerrno>
#include <fcntl.h>

#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::bench {

Result<void> write_scratch_file(const std::string& path, std::string_view text) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return errno_error("create " + printable(path), errno);
  return write_all(file.get(), text);
}

}  // namespace bus::bench
