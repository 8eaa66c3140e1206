/* A preloaded library that lets one call of busd fail, as the test orders it (fault_control.h).
 *
 *   LD_PRELOAD=libfault_shim.so FAULT_FD=4 busd …                           as the tests do
 *   LD_PRELOAD=libfault_shim.so FAULT_CALL=epoll_ctl FAULT_ERROR=12 FAULT_NTH=3 busd …   by hand;
 * FAULT_NTH=3+ is all from there on
 *
 * Counts from its constructor on, which runs after those of the libraries. A close that fails has closed, as
 * on Linux. Allocates nothing, and calls no function that it replaces. FAULT_SANITIZED leaves the allocator
 * alone, for a busd whose sanitizer brings its own. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/fault_control.h"

static struct FaultControl own_control;
static struct FaultControl* control = &own_control;
static uint64_t work; /* calls of all kinds but epoll_wait */

/* Whether this call is the one that is to fail; sets errno if so. */
static bool fails(enum FaultCall call) {
  uint64_t number = __atomic_add_fetch(&control->calls[call], 1, __ATOMIC_SEQ_CST);
  if (call != FAULT_epoll_wait) ++work;
  if (!__atomic_load_n(&control->armed, __ATOMIC_SEQ_CST) || control->call != (int32_t)call) return false;
  if (number != control->nth && (!control->all || number < control->nth)) return false;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  errno = control->error;
  return true;
}

/* The function of this name behind us. */
static void* next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

/* __SOCKADDR_ARG is how glibc spells the type of an address in C.
 *
 * A function of the same name and parameters in front of the real one. */
#define FAULT_WRAP(result, failure, name, parameters, arguments) \
  FAULT_WRAP_AS(name, result, failure, name, parameters, arguments)
#define FAULT_WRAP_AS(call, result, failure, name, parameters, arguments) \
  result name parameters {                                                \
    static result(*real) parameters;                                      \
    if (real == NULL) *(void**)&real = next(#name);                       \
    if (fails(FAULT_##call)) return failure;                              \
    return real arguments;                                                \
  }

FAULT_WRAP(void*, MAP_FAILED, mmap, (void* at, size_t size, int prot, int flags, int fd, off_t offset),
           (at, size, prot, flags, fd, offset))
FAULT_WRAP(int, -1, munmap, (void* at, size_t size), (at, size))
FAULT_WRAP(int, -1, madvise, (void* at, size_t size, int advice), (at, size, advice))
FAULT_WRAP(int, -1, accept4, (int fd, __SOCKADDR_ARG address, socklen_t* length, int flags),
           (fd, address, length, flags))
FAULT_WRAP(ssize_t, -1, recv, (int fd, void* to, size_t size, int flags), (fd, to, size, flags))
FAULT_WRAP(ssize_t, -1, send, (int fd, const void* from, size_t size, int flags), (fd, from, size, flags))
FAULT_WRAP(ssize_t, -1, sendto,
           (int fd, const void* from, size_t size, int flags, __CONST_SOCKADDR_ARG address, socklen_t length),
           (fd, from, size, flags, address, length))
FAULT_WRAP(int, -1, shutdown, (int fd, int how), (fd, how))
FAULT_WRAP(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAULT_WRAP(int, -1, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length), (fd, address, length))
FAULT_WRAP(int, -1, listen, (int fd, int backlog), (fd, backlog))
FAULT_WRAP(int, -1, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length), (fd, address, length))
FAULT_WRAP(int, -1, getsockopt, (int fd, int level, int name, void* value, socklen_t* length),
           (fd, level, name, value, length))
FAULT_WRAP(int, -1, setsockopt, (int fd, int level, int name, const void* value, socklen_t length),
           (fd, level, name, value, length))
FAULT_WRAP(int, -1, poll, (struct pollfd * fds, nfds_t count, int patience), (fds, count, patience))
FAULT_WRAP(int, -1, sigaction, (int number, const struct sigaction* now, struct sigaction* before),
           (number, now, before))
FAULT_WRAP(ssize_t, -1, read, (int fd, void* to, size_t size), (fd, to, size))
FAULT_WRAP(ssize_t, -1, write, (int fd, const void* from, size_t size), (fd, from, size))
FAULT_WRAP(int, -1, ftruncate, (int fd, off_t size), (fd, size))
FAULT_WRAP(int, -1, flock, (int fd, int operation), (fd, operation))
FAULT_WRAP(int, -1, fstat, (int fd, struct stat* to), (fd, to))
FAULT_WRAP(int, -1, lstat, (const char* path, struct stat* to), (path, to))
FAULT_WRAP(ssize_t, -1, pread, (int fd, void* to, size_t size, off_t at), (fd, to, size, at))
FAULT_WRAP(ssize_t, -1, pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at))
FAULT_WRAP(int, -1, fsync, (int fd), (fd))
FAULT_WRAP_AS(fsync, int, -1, fdatasync, (int fd), (fd))
FAULT_WRAP_AS(fallocate, int, errno, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size))
FAULT_WRAP_AS(rename, int, -1, renameat2,
              (int from_at, const char* from, int to_at, const char* to, unsigned flags),
              (from_at, from, to_at, to, flags))

/* The names by which SQLite calls them. */
FAULT_WRAP_AS(mmap, void*, MAP_FAILED, mmap64,
              (void* at, size_t size, int prot, int flags, int fd, off64_t offset),
              (at, size, prot, flags, fd, offset))
FAULT_WRAP_AS(pread, ssize_t, -1, pread64, (int fd, void* to, size_t size, off64_t at), (fd, to, size, at))
FAULT_WRAP_AS(pwrite, ssize_t, -1, pwrite64, (int fd, const void* from, size_t size, off64_t at),
              (fd, from, size, at))
FAULT_WRAP_AS(ftruncate, int, -1, ftruncate64, (int fd, off64_t size), (fd, size))
FAULT_WRAP_AS(fstat, int, -1, fstat64, (int fd, struct stat64* to), (fd, to))
FAULT_WRAP_AS(lstat, int, -1, lstat64, (const char* path, struct stat64* to), (path, to))

FAULT_WRAP(int, -1, unlink, (const char* path), (path))
FAULT_WRAP(int, -1, rename, (const char* from, const char* to), (from, to))
FAULT_WRAP(int, -1, mkdir, (const char* path, mode_t mode), (path, mode))
FAULT_WRAP(int, -1, chmod, (const char* path, mode_t mode), (path, mode))
FAULT_WRAP(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
FAULT_WRAP(int, -1, fchmodat, (int at, const char* path, mode_t mode, int flags), (at, path, mode, flags))
FAULT_WRAP(int, -1, lchown, (const char* path, uid_t user, gid_t group), (path, user, group))
FAULT_WRAP(int, -1, inotify_add_watch, (int fd, const char* path, uint32_t what), (fd, path, what))
FAULT_WRAP(int, -1, setpriority, (__priority_which_t which, id_t who, int nice), (which, who, nice))
FAULT_WRAP(ssize_t, -1, vmsplice, (int fd, const struct iovec* parts, size_t count, unsigned flags),
           (fd, parts, count, flags))
FAULT_WRAP(ssize_t, -1, splice,
           (int in, off64_t* in_at, int out, off64_t* out_at, size_t size, unsigned flags),
           (in, in_at, out, out_at, size, flags))
FAULT_WRAP(ssize_t, -1, getrandom, (void* to, size_t size, unsigned flags), (to, size, flags))
FAULT_WRAP(int, -1, getrlimit, (__rlimit_resource_t which, struct rlimit* to), (which, to))
FAULT_WRAP(int, -1, setrlimit, (__rlimit_resource_t which, const struct rlimit* from), (which, from))
FAULT_WRAP(int, -1, dup2, (int from, int to), (from, to))
FAULT_WRAP(pid_t, -1, fork, (void), ())
FAULT_WRAP(pid_t, -1, waitpid, (pid_t pid, int* status, int options), (pid, status, options))
FAULT_WRAP(int, -1, execvpe, (const char* program, char* const* words, char* const* environment),
           (program, words, environment))
FAULT_WRAP(int, -1, chdir, (const char* path), (path))
FAULT_WRAP(pid_t, -1, setsid, (void), ())
FAULT_WRAP(ssize_t, -1, readlink, (const char* path, char* to, size_t size), (path, to, size))
FAULT_WRAP(int, -1, access, (const char* path, int mode), (path, mode))
FAULT_WRAP(char*, NULL, getcwd, (char* to, size_t size), (to, size))

/* libevent tries the older ones when the newer ones fail. */
FAULT_WRAP_AS(epoll_create, int, -1, epoll_create1, (int flags), (flags))
FAULT_WRAP_AS(epoll_create, int, -1, epoll_create, (int size), (size))
FAULT_WRAP(int, -1, timerfd_create, (int clock, int flags), (clock, flags))
FAULT_WRAP_AS(inotify_init, int, -1, inotify_init1, (int flags), (flags))
FAULT_WRAP_AS(pipe, int, -1, pipe2, (int ends[2], int flags), (ends, flags))
#ifndef FAULT_SANITIZED
/* Not from under UBSan, which tries its pointers on a pipe. */
FAULT_WRAP_AS(pipe, int, -1, pipe, (int ends[2]), (ends))
#endif
FAULT_WRAP_AS(pipe, int, -1, socketpair, (int domain, int type, int protocol, int ends[2]),
              (domain, type, protocol, ends))

/* Answers its errno. */
int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const words[], char* const environment[]) {
  static int (*real)(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                     char* const[], char* const[]);
  if (real == NULL) *(void**)&real = next("posix_spawn");
  if (fails(FAULT_posix_spawn)) return errno;
  return real(pid, path, actions, attributes, words, environment);
}

/* pidfd_open(2) has no wrapper in older libraries. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (real == NULL) *(void**)&real = next("syscall");
  long arguments[6];
  va_list more;
  va_start(more, number);
  for (int i = 0; i < 6; ++i) arguments[i] = va_arg(more, long);
  va_end(more);
  if (number == SYS_pidfd_open && fails(FAULT_pidfd_open)) return -1;
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

/* To take a descriptor out of epoll's table needs nothing, and cannot fail (fs/eventpoll.c: ep_remove). */
int epoll_ctl(int fd, int operation, int which, struct epoll_event* event) {
  static int (*real)(int, int, int, struct epoll_event*);
  if (real == NULL) *(void**)&real = next("epoll_ctl");
  if (operation != EPOLL_CTL_DEL && fails(FAULT_epoll_ctl)) return -1;
  return real(fd, operation, which, event);
}

int close(int fd) {
  static int (*real)(int);
  if (real == NULL) *(void**)&real = next("close");
  bool failing = fails(FAULT_close);
  int error = errno;
  int result = real(fd);
  if (!failing) return result;
  errno = error;
  return -1;
}

int open(const char* path, int flags, ...) {
  static int (*real)(const char*, int, ...);
  if (real == NULL) *(void**)&real = next("open");
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  if (fails(FAULT_open)) return -1;
  return real(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  static int (*real)(const char*, int, ...);
  if (real == NULL) *(void**)&real = next("open64");
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  if (fails(FAULT_open)) return -1;
  return real(path, flags, mode);
}

int fcntl(int fd, int operation, ...) {
  static int (*real)(int, int, ...);
  if (real == NULL) *(void**)&real = next("fcntl");
  long argument = 0;
  if (operation != F_GETFL && operation != F_GETFD) {
    va_list more;
    va_start(more, operation);
    argument = va_arg(more, long);
    va_end(more);
  }
  if (fails(FAULT_fcntl)) return -1;
  return real(fd, operation, argument);
}

int epoll_wait(int fd, struct epoll_event* events, int most, int patience) {
  static int (*real)(int, struct epoll_event*, int, int);
  static uint64_t work_before;
  static uint64_t empty_turns;
  static bool something;
  if (real == NULL) *(void**)&real = next("epoll_wait");
  empty_turns = something && work == work_before ? empty_turns + 1 : 0;
  if (empty_turns > control->empty_turns) control->empty_turns = empty_turns;
  something = false;
  if (fails(FAULT_epoll_wait)) return -1;
  int ready = real(fd, events, most, patience);
  something = ready > 0;
  work_before = work;
  return ready;
}

#ifndef FAULT_SANITIZED
/* glibc's own names for its allocator: to look them up would allocate. */
extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* old, size_t size);
extern void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) { return fails(FAULT_alloc) ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return fails(FAULT_alloc) ? NULL : __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return fails(FAULT_alloc) ? NULL : __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) {
  return fails(FAULT_alloc) ? NULL : __libc_memalign(alignment, size);
}
int posix_memalign(void** to, size_t alignment, size_t size) {
  void* got = fails(FAULT_alloc) ? NULL : __libc_memalign(alignment, size);
  if (got == NULL) return ENOMEM;
  *to = got;
  return 0;
}
#endif

static int32_t call_of(const char* name) {
#define FAULT_SAME(call, ...) \
  if (strcmp(name, #call) == 0) return FAULT_##call;
  FAULT_CALLS(FAULT_SAME)
#undef FAULT_SAME
  abort();
}

static void obey_environment(void) {
  const char* call = getenv("FAULT_CALL");
  const char* error = getenv("FAULT_ERROR");
  const char* nth = getenv("FAULT_NTH");
  if (call == NULL || error == NULL || nth == NULL) return;
  char* end = NULL;
  own_control.call = call_of(call);
  own_control.error = (int32_t)strtol(error, NULL, 10);
  own_control.nth = strtoull(nth, &end, 10);
  own_control.all = *end == '+';
  own_control.armed = 1;
}

__attribute__((constructor)) static void begin(void) {
  memset(own_control.calls, 0, sizeof own_control.calls);
  const char* fd_text = getenv("FAULT_FD");
  if (fd_text == NULL) {
    obey_environment();
    return;
  }
  int fd = (int)strtol(fd_text, NULL, 10);
  void* shared = (void*)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  /* Not there in a program that busd starts: the descriptor was closed, and nothing fails. */
  if (shared == MAP_FAILED) return;
  syscall(SYS_close, fd);
  control = shared;
}
