// flock(2) waits for ever or not at all. Of the ways to bound it, a signal is not a library's to take, a
// thread is not ours to start, and inotify tells of the holder's close a moment before the lock is free. So a
// child of ours waits in flock on the descriptor that it shares with us: a lock belongs to the open file,
// hence what the child gets is ours. Its end shows on a pipe, which poll(2) can wait for with a limit.
//
// The child is made without an exit signal, so that neither SIGCHLD nor a host's wait(-1) ever sees it.
#include "consumer/src/start_lock.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/descriptors.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sdk {

namespace {

// Runs in the child, perhaps of a program with threads: system calls only.
[[noreturn]] void wait_in_flock(int lock_fd, int done_fd, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // A host's descriptors, kept open here, could keep its peers waiting for their end of file.
  auto low = static_cast<unsigned>(std::min(lock_fd, done_fd));
  auto high = static_cast<unsigned>(std::max(lock_fd, done_fd));
  if (low > 0) close_descriptors(0, low - 1);
  if (high > low + 1) close_descriptors(low + 1, high - 1);
  close_descriptors(high + 1, ~0U);
  while (::flock(lock_fd, LOCK_EX) != 0) {
    if (errno != EINTR) ::_exit(1);
  }
  ::_exit(0);
}

bool is_file_at(int fd, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

Result<Fd> open_lock(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd && errno == ELOOP)
    return Error{Errc::denied, quoted(path) + " is a symlink: refused, and left untouched"};
  if (!fd) return errno_error("open " + quoted(path), errno);
  return fd;
}

// Whether the other end of `fd` was closed before `deadline`.
bool closed_until(int fd, TimePoint deadline) {
  for (;;) {
    long long left = std::clamp<long long>(to_ms(deadline - now()), 0, 3'600'000);
    pollfd waiting{fd, POLLIN, 0};
    int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 && left == 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// Whether `lock_fd` was locked before `deadline`.
Result<bool> flock_until(int lock_fd, TimePoint deadline) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe", errno);
  Fd done_read(ends[0]);
  Fd done_write(ends[1]);
  pid_t parent = ::getpid();
  auto child = static_cast<pid_t>(::syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, 0UL));
  if (child < 0) return errno_error("clone", errno);
  if (child == 0) wait_in_flock(lock_fd, done_write.get(), parent);
  done_write.reset();
  bool ended = closed_until(done_read.get(), deadline);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (!ended) return false;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{Errc::io, "waiting for a lock file failed"};
  return true;
}

}  // namespace

Result<Fd> lock_file_until(const std::string& path, TimePoint deadline) {
  for (;;) {
    auto free = try_lock_file(path);
    if (free || free.error().code != Errc::busy) return free;
    BUSD_ASSIGN(Fd fd, open_lock(path));
    BUSD_ASSIGN(bool locked, flock_until(fd.get(), deadline));
    if (locked && is_file_at(fd.get(), path)) return fd;
    if (now() >= deadline) return Error{Errc::timed_out, "lock " + quoted(path) + " is still held"};
  }
}

}  // namespace bus::sdk
