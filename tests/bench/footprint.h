// The two groups that move no messages: memory of idle consumers, and time until a server is there. Measured
// by idle_memory.h and startup.h; this makes tables of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/scratch_dir.h"
#include "tests/bench/startup.h"

namespace bus::bench {

struct Footprint {
  std::string text;  // a title, the table, and below it why a contender is not in it
  bool failed = false;
};

// Error: no scratch directory.
Result<Footprint> idle_memory(const std::vector<std::unique_ptr<Contender>>& contenders, ScratchDir& scratch);

// `options` without a directory: it comes from `scratch`.
Result<Footprint> startup(StartupOptions options, ScratchDir& scratch);

}  // namespace bus::bench
