/* The table of faults: what busd, bus-sources, libevent and SQLite call, and how each call may fail.
 *
 * Each row is one function and the errors of its manual page that the machine or another process can cause.
 * Left out are those that only a bug of the program causes (EBADF, EFAULT, EINVAL of a wrong argument),
 * unless the kernel also says so of something that it does not know (madvise, vmsplice, fcntl). What busd
 * calls was read off `nm -D` and `strace -f`; calls that libc makes for itself, such as the write of fprintf
 * or the files of getpwnam, cannot be interposed and are not here.
 *
 * `alloc` stands for malloc, calloc, realloc, aligned_alloc and posix_memalign, and so for operator new;
 * `fsync` for fdatasync too, `fallocate` for posix_fallocate, and each call that has an offset also for its name with 64, by which SQLite calls it;
 * `pipe` for pipe2, pipe and socketpair, `epoll_create` for epoll_create1 too: libevent tries them one after
 * the other. */
#ifndef BUSD_TESTS_FAULT_CALLS_H
#define BUSD_TESTS_FAULT_CALLS_H

#include <errno.h>

/* clang-format off */
#define FAULT_CALLS(X)                                                                                            \
  X(alloc,         ENOMEM)                                                                                        \
  X(mmap,          ENOMEM, EAGAIN, EPERM)                                                                         \
  X(munmap,        ENOMEM)                                                                                        \
  X(madvise,       EAGAIN, EINVAL, ENOMEM, EPERM)                                                                 \
  X(accept4,       EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO)                           \
  X(recv,          EAGAIN, EINTR, ENOMEM, ECONNRESET)                                                             \
  X(send,          EAGAIN, EINTR, ENOBUFS, ENOMEM, EPIPE, ECONNRESET)                                             \
  X(sendto,        EAGAIN, ECONNREFUSED, EINTR, EMSGSIZE, ENOBUFS, ENOENT, ENOMEM, EPERM, EPIPE)                      \
  X(shutdown,      ENOTCONN)                                                                                      \
  X(socket,        EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM)                                         \
  X(bind,          EACCES, EADDRINUSE, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS)                       \
  X(listen,        EADDRINUSE, EOPNOTSUPP)                                                                        \
  X(connect,       EACCES, EPERM, EAGAIN, ECONNREFUSED, EINTR, ENOENT)                                            \
  X(getsockopt,    ENOPROTOOPT, EINVAL)                                                                           \
  X(setsockopt,    ENOPROTOOPT, ENOMEM)                                                                           \
  X(poll,          EINTR, ENOMEM)                                                                                 \
  X(epoll_create,  EMFILE, ENFILE, ENOMEM)                                                                        \
  X(epoll_ctl,     ENOMEM, ENOSPC)                                                                                \
  X(epoll_wait,    EINTR)                                                                                         \
  X(sigaction,     EINVAL)                                                                                        \
  X(read,          EAGAIN, EINTR, EIO, EISDIR)                                                                    \
  X(write,         EAGAIN, EDQUOT, EFBIG, EINTR, EIO, ENOSPC, EPERM, EPIPE)                                       \
  X(open,          EACCES, EDQUOT, EINTR, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, ENXIO, EPERM, EROFS) \
  X(close,         EINTR, EIO, ENOSPC, EDQUOT)                                                                    \
  X(fcntl,         EBUSY, EINVAL, EMFILE, EPERM)                                                                  \
  X(pread,         EIO)                                                                                           \
  X(pwrite,        EDQUOT, EIO, ENOSPC)                                                                           \
  X(fsync,         EDQUOT, EIO, ENOSPC)                                                                           \
  X(fallocate,     EIO, ENOSPC)                                                                                   \
  X(ftruncate,     EFBIG, EINTR, EIO, EPERM)                                                                      \
  X(flock,         EINTR, ENOLCK, EWOULDBLOCK)                                                                    \
  X(fstat,         ENOMEM, EOVERFLOW)                                                                             \
  X(lstat,         EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW)                                             \
  X(unlink,        EACCES, EBUSY, EIO, ENOENT, ENOMEM, EPERM, EROFS)                                              \
  X(rename,        EACCES, EBUSY, EDQUOT, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS)                                   \
  X(chmod,         EACCES, EIO, ENOENT, ENOMEM, EPERM, EROFS)                                                      \
  X(fchmod,        EIO, EPERM, EROFS)                                                                             \
  X(fchmodat,      EACCES, EIO, ENOENT, ENOMEM, EOPNOTSUPP, EPERM, EROFS)                                          \
  X(lchown,        EACCES, EIO, ENOENT, ENOMEM, EPERM, EROFS)                                                      \
  X(timerfd_create, EMFILE, ENFILE, ENODEV, ENOMEM)                                                                \
  X(inotify_init,  EMFILE, ENFILE, ENOMEM)                                                                        \
  X(inotify_add_watch, EACCES, ENOENT, ENOMEM, ENOSPC)                                                            \
  X(setpriority,   EACCES, EPERM)                                                                                 \
  X(mkdir,         EACCES, EDQUOT, EEXIST, EMLINK, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS)                          \
  X(pipe,          EMFILE, ENFILE)                                                                                \
  X(vmsplice,      EAGAIN, EINVAL, ENOMEM)                                                                        \
  X(splice,        EAGAIN, EINVAL, ENOMEM, EPIPE, ECONNRESET)                                                     \
  X(getrandom,     EAGAIN, EINTR, ENOSYS)                                                                         \
  X(getrlimit,     EPERM)                                                                                         \
  X(setrlimit,     EPERM)                                                                                         \
  X(dup2,          EBUSY, EINTR, EMFILE)                                                                          \
  X(fork,          EAGAIN, ENOMEM)                                                                                \
  X(posix_spawn,   EAGAIN, ENOMEM, EMFILE)                                                                        \
  X(pidfd_open,    EMFILE, ENFILE, ENODEV, ENOMEM, ENOSYS)                                                        \
  X(waitpid,       EINTR, ECHILD)                                                                                 \
  X(execvpe,       EACCES, ENOENT, ENOMEM)                                                                        \
  X(chdir,         EACCES, ENOMEM)                                                                                \
  X(setsid,        EPERM)                                                                                         \
  X(readlink,      EACCES, EIO, ENOMEM)                                                                           \
  X(access,        EACCES, EIO, ENOMEM)                                                                           \
  X(getcwd,        EACCES, ENOENT, ENOMEM)
/* clang-format on */

#define FAULT_NAME(call, ...) FAULT_##call,
enum FaultCall { FAULT_CALLS(FAULT_NAME) FAULT_CALL_COUNT };
#undef FAULT_NAME

#endif
