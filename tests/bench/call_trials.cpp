#include "tests/bench/call_trials.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

const std::vector<Trial>& call_trials() {
  static const std::vector<Trial> trials = {{"killed", trial_killed}, {"stopped-provider", trial_stopped},
                                            {"open", trial_open},     {"cancel", trial_cancel},
                                            {"stream", trial_stream}, {"beside", trial_beside}};
  return trials;
}

std::string time_text(Duration duration) {
  double us = std::chrono::duration<double, std::micro>(duration).count();
  return us < 1000 ? figure(us) + " µs" : figure(us / 1000) + " ms";
}

Duration quantile_of(std::vector<Duration>& durations, double q) {
  BUSD_CHECK(!durations.empty());
  std::sort(durations.begin(), durations.end());
  auto rank = static_cast<size_t>(q * static_cast<double>(durations.size()));
  return durations[std::min(rank, durations.size() - 1)];
}

}  // namespace bus::bench
