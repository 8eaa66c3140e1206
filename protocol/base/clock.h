// Time as this project uses it: monotonic, and passed as an argument.
//
// Only the edges (loops, programs) call now(); everything else is told the time, so that tests own it.
#pragma once

#include <chrono>

namespace bus {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

using std::chrono::milliseconds;
using std::chrono::seconds;

// "Never", as a deadline.
inline constexpr TimePoint kNever = TimePoint::max();

inline TimePoint now() { return Clock::now(); }

// Whole milliseconds of `d`, for fields named *_ms.
inline long long to_ms(Duration d) { return std::chrono::duration_cast<milliseconds>(d).count(); }

}  // namespace bus
