// What becomes of calls when something goes wrong or gets large: questions about busd alone, each asked in a few rounds
// of its own hub.
//
//   killed    a provider is killed with 1000 calls open: when does the last caller know
//   stopped   one of 8 providers does not read: how many calls are late, and what do the others notice
//   open      what an open call takes of the hub's memory
//   cancel    when does a provider know of a cancel and of a deadline; do calls that time out leave anything behind
//   stream    bytes a second of a stream, and what a reader that does not read costs
//   beside    events beside many calls
//
// Raw lines on both sides (call_client.h). A question whose messages do not add up is reported as failed.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/server_process.h"

namespace bus::bench {

struct Finding {
  std::string what;
  std::string figure;
};
using Findings = std::vector<Finding>;

// What a trial has: a hub of its own, just started.
struct TrialHub {
  Contender& contender;
  ServerProcess server;
  std::string directory;  // its own, with its socket bus.sock
  bool quick = false;     // fewer and smaller rounds, only to see that it works
};

struct Trial {
  std::string name;  // as --shape takes it
  Result<Findings> (*run)(TrialHub& hub);
};

const std::vector<Trial>& call_trials();

Result<Findings> trial_killed(TrialHub& hub);
Result<Findings> trial_stopped(TrialHub& hub);
Result<Findings> trial_open(TrialHub& hub);
Result<Findings> trial_cancel(TrialHub& hub);
Result<Findings> trial_stream(TrialHub& hub);
Result<Findings> trial_beside(TrialHub& hub);

// "12.3 µs", "4.56 ms".
std::string time_text(Duration duration);
// Of at least one; sorts.
Duration quantile_of(std::vector<Duration>& durations, double q);

}  // namespace bus::bench
