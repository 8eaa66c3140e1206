// Programs whose wall clock is set back and forth by years at each look at it (clock_jump.c). The machine's own is not
// touched, and monotonic clocks are left alone.
#pragma once

#include <cstdlib>
#include <string>

#include "protocol/base/clock.h"
#include "tests/support/child.h"

namespace bus::test {

inline ChildOptions with_jumping_clock() {
  std::string preload = BUSD_CLOCK_JUMP;
  ChildOptions out;
#ifdef __SANITIZE_ADDRESS__
  // ASan wants to be the first library, unless told otherwise; what is preloaded allocates nothing before it.
  const char* options = std::getenv("ASAN_OPTIONS");
  std::string asan = (options == nullptr ? "" : std::string(options) + ":") + "verify_asan_link_order=0";
  out.environment = {{"LD_PRELOAD", preload}, {"ASAN_OPTIONS", asan}};
#else
  out.environment = {{"LD_PRELOAD", preload}};
#endif
  return out;
}

// Ends of which we know when they are due: no earlier, and in the test's patience.
class Stopwatch {
 public:
  Duration elapsed() const { return now() - start_; }

 private:
  TimePoint start_ = now();
};

}  // namespace bus::test
