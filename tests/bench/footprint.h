// The groups that are no shapes, for nothing is delivered: memory of idle consumers, time until a server is there,
// and cost of frames that are no events. Measured by idle_memory.h, startup.h and frame_cost.h; this makes tables
// of it.
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

// `options` without a directory: it comes from `scratch`.
Result<Footprint> startup(StartupOptions options, ScratchDir& scratch);

}  // namespace bus::bench
