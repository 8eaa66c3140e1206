/* For LD_PRELOAD: clocks that somebody sets. Does not touch the machine's clocks, and needs no privilege.
 *
 * Without $CLOCK_JUMP_FILE the wall clock is set back and forth by years, at each look, and the others are left alone. With it,
 * the file holds a struct jumps (jumping_clock.h): how far the wall clock is ahead, and CLOCK_BOOTTIME, which a machine that sleeps
 * moves. A test that moves the latter sends SIGUSR1, so that timers on it (timerfd_create(2)) come when they are due. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct jumps {
  int64_t wall_sec;
  int64_t boot_sec;
};

enum { kMostTimers = 8 };
static struct {
  int fd; /* 0: no timer */
  struct itimerspec due;
} timers[kMostTimers];

static const struct jumps* jumps(void) {
  static const struct jumps* mapped;
  static int looked;
  if (looked) return mapped;
  looked = 1;
  const char* path = getenv("CLOCK_JUMP_FILE");
  if (path == NULL) return NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();
  void* memory = mmap(NULL, sizeof *mapped, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) abort();
  mapped = memory;
  return mapped;
}

/* Three years ahead, then three years back, and so on. */
static int64_t back_and_forth(void) {
  static unsigned looks;
  int64_t years = looks++ % 2 == 0 ? 3 : -3;
  return years * 365 * 24 * 3600;
}

static int is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

int clock_gettime(clockid_t clock, struct timespec* at) {
  long result = syscall(SYS_clock_gettime, clock, at);
  if (result != 0) return (int)result;
  const struct jumps* set = jumps();
  if (is_wall_clock(clock)) at->tv_sec += (time_t)(set != NULL ? set->wall_sec : back_and_forth());
  if (clock == CLOCK_BOOTTIME && set != NULL) at->tv_sec += (time_t)set->boot_sec;
  return 0;
}

int gettimeofday(struct timeval* restrict at, void* restrict zone) {
  struct timespec wall;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &wall) != 0) return -1;
  at->tv_sec = wall.tv_sec;
  at->tv_usec = (suseconds_t)(wall.tv_nsec / 1000);
  return 0;
}

time_t time(time_t* at) {
  struct timespec wall;
  if (clock_gettime(CLOCK_REALTIME, &wall) != 0) return (time_t)-1;
  if (at != NULL) *at = wall.tv_sec;
  return wall.tv_sec;
}

/* To the kernel's clock. 0 would disarm it. */
static int arm(int index) {
  struct itimerspec real = timers[index].due;
  if (real.it_value.tv_sec == 0 && real.it_value.tv_nsec == 0)
    return (int)syscall(SYS_timerfd_settime, timers[index].fd, TFD_TIMER_ABSTIME, &real, NULL);
  real.it_value.tv_sec -= (time_t)jumps()->boot_sec;
  if (real.it_value.tv_sec < 0) {
    real.it_value.tv_sec = 0;
    real.it_value.tv_nsec = 1;
  }
  return (int)syscall(SYS_timerfd_settime, timers[index].fd, TFD_TIMER_ABSTIME, &real, NULL);
}

static void arm_all(int number) {
  (void)number;
  for (int i = 0; i < kMostTimers; ++i) {
    if (timers[i].fd != 0) arm(i);
  }
}

int timerfd_create(int clock, int flags) {
  int fd = (int)syscall(SYS_timerfd_create, clock, flags);
  if (fd < 0 || clock != CLOCK_BOOTTIME || jumps() == NULL) return fd;
  /* Not before: a program resets its signals when it starts. */
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = arm_all;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 0; i < kMostTimers; ++i) {
    if (timers[i].fd != 0) continue;
    timers[i].fd = fd;
    return fd;
  }
  abort();
}

int timerfd_settime(int fd, int flags, const struct itimerspec* due, struct itimerspec* before) {
  for (int i = 0; i < kMostTimers; ++i) {
    if (timers[i].fd != fd) continue;
    timers[i].due = *due;
    return arm(i);
  }
  return (int)syscall(SYS_timerfd_settime, fd, flags, due, before);
}
