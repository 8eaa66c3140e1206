// The same programs under runit, s6, supervisord and bus-sources: how soon all run, and how soon one that was killed runs again.
//
// The programs write the time of their birth into one file, so that nothing of a supervisor is in what is measured but itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/scratch_dir.h"

namespace bus::bench {

struct SupervisorRow {
  std::string name;
  Duration all_up{};
  std::vector<Duration> restarts;
  std::string fault;  // why there is nothing else
};

// Of those that are installed, and of the first busd among the contenders.
Result<std::vector<SupervisorRow>> measure_supervisors(
    const std::vector<std::unique_ptr<Contender>>& contenders, bool quick, ScratchDir& scratch);

}  // namespace bus::bench
