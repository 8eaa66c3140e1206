// The system calls of the store's own, all but SQLite's (test_vfs.h), with the test in between: each can be told, made to fail, or
// preceded by what somebody else does at that moment. The linker leads them here (--wrap).
//
// Nothing is really synced in this program, so that its many small stores do not wait for the disk: the machine keeps its power.
#pragma once

#include <functional>
#include <string>

namespace bus::test {

enum class SystemCall {
  open,
  flock,
  fallocate,
  mmap,
  fsync,
  rename,
  fchmod,
  mkdir,
  lstat,
  fstat,
  pread,
  faccessat,
  realpath
};

// As long as it lives, on the thread that has made it. One at a time.
class SystemCalls {
 public:
  // Before each call, with the path that it is about, which is empty for a mapping without a file; what it returns is the error of the
  // call, unless it is 0.
  using Before = std::function<int(SystemCall, const std::string& path)>;

  explicit SystemCalls(Before before);
  ~SystemCalls();
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;

  int before(SystemCall call, const std::string& path) const { return before_(call, path); }

 private:
  Before before_;
};

}  // namespace bus::test
