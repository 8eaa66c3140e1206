#include "tests/bench/scratch_dir.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "protocol/base/file.h"

namespace bus::bench {

Result<ScratchDir> ScratchDir::make() {
  std::string path = "/tmp/bus-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return errno_error("mkdtemp " + path, errno);
  return ScratchDir(std::move(path));
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<std::string> ScratchDir::fresh() {
  std::string path = path_ + "/" + std::to_string(++count_);
  BUSD_TRY(ensure_own_dir(path));
  return path;
}

}  // namespace bus::bench
