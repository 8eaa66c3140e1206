// The groups that are no shapes, for nothing is delivered: memory of idle consumers, time until a server is there,
// cost of frames that are no events, and what becomes of calls and values. Measured by idle_memory.h, startup.h, frame_cost.h,
// call_trials.h and value_trials.h; this makes tables of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/measure.h"
#include "tests/bench/pinning.h"
#include "tests/bench/scratch_dir.h"
#include "tests/bench/startup.h"

namespace bus::bench {

struct Footprint {
  std::string text;  // a title, the table, and below it why a contender is not in it
  bool failed = false;
};

// Error: no scratch directory.
Result<Footprint> idle_memory(const std::vector<std::unique_ptr<Contender>>& contenders, ScratchDir& scratch);

// In a quick run only the smallest and the largest frames. Without a busd among the contenders its text is empty.
Result<Footprint> frames(const std::vector<std::unique_ptr<Contender>>& contenders, bool quick,
                         const Effort& effort, const Pinning& pinning, ScratchDir& scratch);

// What becomes of calls (call_trials.h), or of sources (source_trials.h), of each busd: the trials that are wanted, each with a hub of its own; with
// one run, or in a quick one, only so much of it that one sees it work. Without
// a busd or a trial its text is empty.
Result<Footprint> trials(Family family, const std::vector<std::unique_ptr<Contender>>& contenders,
                         const GroupFilter& filter, const Effort& effort, const Pinning& pinning,
                         ScratchDir& scratch);

// Supervisors of programs, busd's among them (source_peers.h).
Result<Footprint> source_peers(const std::vector<std::unique_ptr<Contender>>& contenders, bool quick,
                               ScratchDir& scratch);

// `options` without a directory: it comes from `scratch`.
Result<Footprint> startup(StartupOptions options, ScratchDir& scratch);

// Of the stores of all contenders, each on a server of its own.
Result<Footprint> value_trials(const std::vector<std::unique_ptr<Contender>>& contenders,
                               const GroupFilter& filter, const Effort& effort, const Pinning& pinning,
                               ScratchDir& scratch);

}  // namespace bus::bench
