/* For LD_PRELOAD: a wall clock that somebody sets back and forth by years, at each look. Monotonic clocks are
 * left alone. Does not touch the machine's clock, and needs no privilege. */
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Three years ahead, then three years back, and so on. */
static long long jump(void) {
  static unsigned looks;
  long long years = looks++ % 2 == 0 ? 3 : -3;
  return years * 365 * 24 * 3600;
}

static int is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

int clock_gettime(clockid_t clock, struct timespec* at) {
  long result = syscall(SYS_clock_gettime, clock, at);
  if (result == 0 && is_wall_clock(clock)) at->tv_sec += (time_t)jump();
  return (int)result;
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
