/* For LD_PRELOAD: a file system that is odd in one way.
 *
 *   ODD_CALL=renameat ODD_NTH=2 ODD_ERROR=28   the second renameat fails with that errno, and leaves all as it was
 *   ODD_CALL=renameat ODD_NTH=2 ODD_ERROR=0    before it, the process is killed
 *   ODD_NTH=2+                                 so do all from there on
 *   ODD_REPORT=PATH                            a file that is made when one has failed
 *   ODD_NETWORK=1                              every file system says that it is NFS
 *
 * Descriptors 0 to 2 are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static int fails(const char* call) {
  static int calls;
  const char* wanted = getenv("ODD_CALL");
  if (wanted == NULL || strcmp(wanted, call) != 0) return 0;
  const char* nth = getenv("ODD_NTH");
  int number = atoi(nth);
  ++calls;
  if (calls != number && (calls < number || strchr(nth, '+') == NULL)) return 0;
  int error = atoi(getenv("ODD_ERROR"));
  const char* report = getenv("ODD_REPORT");
  if (report != NULL) {
    long fd = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) syscall(SYS_close, fd);
  }
  if (error == 0) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  errno = error;
  return 1;
}

static void* next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

#define ODD(result, name, parameters, arguments)    \
  result name parameters {                          \
    static result(*real) parameters;                \
    if (real == NULL) *(void**)&real = next(#name); \
    if (fails(#name)) return (result)-1;            \
    return real arguments;                          \
  }
#define ODD_OF_FD(result, name, parameters, arguments) \
  result name parameters {                             \
    static result(*real) parameters;                   \
    if (real == NULL) *(void**)&real = next(#name);    \
    if (fd > 2 && fails(#name)) return (result)-1;     \
    return real arguments;                             \
  }

ODD(int, renameat, (int from_at, const char* from, int to_at, const char* to), (from_at, from, to_at, to))
ODD(int, mkdirat, (int at, const char* path, mode_t mode), (at, path, mode))
ODD(int, mkdir, (const char* path, mode_t mode), (path, mode))
ODD(int, unlinkat, (int at, const char* path, int flags), (at, path, flags))
ODD(int, fstatat, (int at, const char* path, struct stat* to, int flags), (at, path, to, flags))
ODD(int, utimensat, (int at, const char* path, const struct timespec times[2], int flags),
    (at, path, times, flags))
ODD(int, memfd_create, (const char* name, unsigned flags), (name, flags))
ODD_OF_FD(int, futimens, (int fd, const struct timespec times[2]), (fd, times))
ODD_OF_FD(int, fstat, (int fd, struct stat* to), (fd, to))
ODD_OF_FD(int, flock, (int fd, int operation), (fd, operation))
ODD_OF_FD(ssize_t, pread, (int fd, void* to, size_t size, off_t at), (fd, to, size, at))
ODD_OF_FD(ssize_t, pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at))
ODD_OF_FD(ssize_t, write, (int fd, const void* from, size_t size), (fd, from, size))

static mode_t mode_in(int flags, va_list more) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

int openat(int at, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_in(flags, more);
  va_end(more);
  if (fails("openat")) return -1;
  return (int)syscall(SYS_openat, at, path, flags, mode);
}

int fcntl(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  if (command == F_OFD_SETLK && fails("fcntl")) return -1;
  return (int)syscall(SYS_fcntl, fd, command, argument);
}

int fstatfs(int fd, struct statfs* to) {
  long result = syscall(SYS_fstatfs, fd, to);
  if (result == 0 && getenv("ODD_NETWORK") != NULL) to->f_type = 0x6969;
  return (int)result;
}
