// How long a source that ended waits before it is started again.
//
// The first restart after a good run comes at once. Then 100 ms, doubled for each run that was not good, up to 60 s,
// each 10 % more or less so that many do not start in step: at most 8 starts in the first 10 s. It never gives up.
#pragma once

#include <cstdint>

#include "protocol/base/clock.h"

namespace bus::sources {

class BackOff {
 public:
  static constexpr Duration kFirst = milliseconds(100);
  static constexpr Duration kLongest = seconds(60);
  // A run is good when it has lasted so long and has written one good line.
  static constexpr Duration kGoodRun = seconds(10);

  // `seed` decides the jitter.
  explicit BackOff(uint64_t seed) : random_(seed | 1U) {}

  // The wait before the next start, after a run that was good or not.
  Duration next(bool was_good);
  // Somebody has said `start`: the next failure counts as the first one.
  void reset() { failures_ = 0; }

 private:
  uint64_t random_;
  unsigned failures_ = 0;
};

}  // namespace bus::sources
