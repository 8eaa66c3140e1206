/* What the test and the shim in busd share: a piece of memory that one of them orders faults in, and the
 * other counts in.
 *
 * Passed as a descriptor whose number stands in $FAULT_FD. Plain C on the shim's side; both sides use the GCC
 * atomics. */
#ifndef BUSD_TESTS_FAULT_CONTROL_H
#define BUSD_TESTS_FAULT_CONTROL_H

#include <stdint.h>

#include "tests/faults/fault_calls.h"

struct FaultControl {
  /* Written by the test. While not armed calls are counted only. */
  int32_t armed;
  int32_t call;  /* enum FaultCall */
  int32_t error; /* an errno */
  int32_t all;   /* not only the n-th call fails, but all after it too */
  uint64_t nth;  /* from 1; counted since `calls` was cleared */
  /* Written by the shim. */
  uint64_t calls[FAULT_CALL_COUNT];
  uint64_t failed;      /* how many calls were made to fail */
  uint64_t empty_turns; /* the longest row of epoll_wait calls that returned something after which nothing was
                           called: a spin */
};

#endif
