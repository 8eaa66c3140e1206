#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "tests/support/catch.h"

namespace bus::test {

// Under /tmp, whatever TMPDIR says: socket paths are limited to 107 bytes.
TempDir::TempDir() : path_("/tmp/busd-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) FAIL("mkdtemp failed");
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace bus::test
