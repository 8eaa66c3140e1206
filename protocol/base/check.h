// BUSD_CHECK: an invariant of ours, also in release builds.
//
// For bugs in this program only. What a peer, a user or the machine can cause is a Result or a named fault.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace bus {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace bus

#define BUSD_CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::bus::check_failed(#expression, __FILE__, __LINE__))
