// How fast a hub and its clients work: what changed from one status report to a later one. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "consumer/cli/status_report.h"

namespace bus::cli {

using SteadyTime = std::chrono::steady_clock::time_point;

// All per second.
struct ConsumerRates {
  double events = 0;  // delivered
  std::optional<double> bytes;
  double drops = 0;
};

// All per second. `consumers`, `sources` and `tasks` are in the order of the later report; one that was not in the
// earlier report has no rates.
struct Rates {
  double published = 0;
  double delivered = 0;
  double dropped = 0;
  std::optional<double> published_bytes;  // nothing: the hub does not count bytes
  std::optional<double> delivered_bytes;
  std::vector<std::optional<ConsumerRates>> consumers;
  std::vector<std::optional<double>> sources;  // events published
  std::optional<double> calls;                 // that ended; nothing: the hub knows no calls
  std::vector<std::optional<double>> tasks;    // calls of each that ended
};

// Whether both are of one hub: `later` has the same pid, and none of its counters has gone back.
bool same_hub(const StatusReport& earlier, const StatusReport& later);

// Nothing when no time has passed, or when the reports are of different hubs.
std::optional<Rates> rates_between(const StatusReport& earlier, const StatusReport& later,
                                   std::chrono::duration<double> elapsed);

// Rates over about a second, so that they do not jump when the hub is asked more often than that.
class RateMeter {
 public:
  // Returns whether the report is of another hub than the one before.
  bool add(StatusReport report, SteadyTime at);
  // Of the newest report; nothing after the first one.
  const std::optional<Rates>& rates() const { return rates_; }

 private:
  struct Sample {
    StatusReport report;
    SteadyTime at;
  };

  std::deque<Sample> samples_;
  std::optional<Rates> rates_;
};

enum class Loss { none, earlier, now };

// Whether a consumer loses events now, or lost some at an earlier time only; `rates` may be null.
Loss loss_of(const ConsumerReport& consumer, const ConsumerRates* rates);

}  // namespace bus::cli
