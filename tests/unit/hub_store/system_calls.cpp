#include "tests/unit/hub_store/system_calls.h"

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/check.h"

using bus::test::SystemCall;

namespace {

thread_local bus::test::SystemCalls* active = nullptr;

// Whether the call is to fail; sets errno then. What the test does itself meanwhile is not asked about.
bool fails(SystemCall call, const std::string& path) {
  if (active == nullptr) return false;
  bus::test::SystemCalls* asked = std::exchange(active, nullptr);
  int error = asked->before(call, path);
  active = asked;
  errno = error;
  return error != 0;
}

std::string path_of(int fd) {
  if (active == nullptr || fd < 0) return {};
  std::string out(PATH_MAX, '\0');
  ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), out.data(), out.size());
  out.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return out;
}

}  // namespace

namespace bus::test {

SystemCalls::SystemCalls(Before before) : before_(std::move(before)) {
  BUSD_CHECK(active == nullptr);
  active = this;
}

SystemCalls::~SystemCalls() { active = nullptr; }

}  // namespace bus::test

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
extern "C" {

int __real_open(const char* path, int flags, ...);
int __real_flock(int fd, int operation);
int __real_posix_fallocate(int fd, off_t at, off_t bytes);
void* __real_mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_rename(const char* from, const char* to);
int __real_renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags);
int __real_fchmod(int fd, mode_t mode);
int __real_mkdir(const char* path, mode_t mode);
int __real_lstat(const char* path, struct stat* to);
int __real_fstat(int fd, struct stat* to);
ssize_t __real_pread(int fd, void* to, size_t bytes, off_t at);
int __real_faccessat(int at, const char* path, int mode, int flags);
char* __real_realpath(const char* path, char* to);

int __wrap_open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return fails(SystemCall::open, path) ? -1 : __real_open(path, flags, mode);
}
int __wrap_flock(int fd, int operation) {
  return fails(SystemCall::flock, path_of(fd)) ? -1 : __real_flock(fd, operation);
}
// Answers its error.
int __wrap_posix_fallocate(int fd, off_t at, off_t bytes) {
  return fails(SystemCall::fallocate, path_of(fd)) ? errno : __real_posix_fallocate(fd, at, bytes);
}
void* __wrap_mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return fails(SystemCall::mmap, path_of(fd)) ? MAP_FAILED
                                              : __real_mmap(at, bytes, protection, flags, fd, offset);
}
int __wrap_fsync(int fd) { return fails(SystemCall::fsync, path_of(fd)) ? -1 : 0; }
// SQLite's, which finds the first function of this name.
[[gnu::visibility("default")]] int fdatasync(int /*fd*/) { return 0; }
int __wrap_rename(const char* from, const char* to) {
  return fails(SystemCall::rename, to) ? -1 : __real_rename(from, to);
}
int __wrap_renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  return fails(SystemCall::rename, to) ? -1 : __real_renameat2(from_at, from, to_at, to, flags);
}
int __wrap_fchmod(int fd, mode_t mode) {
  return fails(SystemCall::fchmod, path_of(fd)) ? -1 : __real_fchmod(fd, mode);
}
int __wrap_mkdir(const char* path, mode_t mode) {
  return fails(SystemCall::mkdir, path) ? -1 : __real_mkdir(path, mode);
}
int __wrap_lstat(const char* path, struct stat* to) {
  return fails(SystemCall::lstat, path) ? -1 : __real_lstat(path, to);
}
int __wrap_fstat(int fd, struct stat* to) {
  return fails(SystemCall::fstat, path_of(fd)) ? -1 : __real_fstat(fd, to);
}
ssize_t __wrap_pread(int fd, void* to, size_t bytes, off_t at) {
  return fails(SystemCall::pread, path_of(fd)) ? -1 : __real_pread(fd, to, bytes, at);
}
int __wrap_faccessat(int at, const char* path, int mode, int flags) {
  return fails(SystemCall::faccessat, path) ? -1 : __real_faccessat(at, path, mode, flags);
}
char* __wrap_realpath(const char* path, char* to) {
  return fails(SystemCall::realpath, path) ? nullptr : __real_realpath(path, to);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
