// What frames cost that are no events: CPU time of the hub for a frame of each sort (frame_batch.h), beside an event
// of the same size that nobody gets.
//
// A question about busd alone. One connection sends batches and waits for the hub to have handled each; the hub has
// no consumers. Only the hub's time counts, so that a slow generator does no harm.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/frame_batch.h"
#include "tests/bench/measure.h"
#include "tests/bench/pinning.h"
#include "tests/bench/scratch_dir.h"

namespace bus::bench {

struct FrameCost {
  std::string hub;
  FrameSort sort = FrameSort::event;
  size_t bytes = 0;
  double cpu_us = 0;    // for each frame: the median of all runs
  double to_event = 0;  // divided by that of the event in the same round: the median of all rounds
};

struct FrameCosts {
  std::vector<FrameCost> rows;  // by size, hub, sort
  std::string faults;           // a line for each hub without figures
};

// In each round every hub has one run of each sort. Error: the scratch directory is of no use.
Result<FrameCosts> measure_frames(const std::vector<std::unique_ptr<Contender>>& contenders,
                                  const std::vector<size_t>& sizes, const Effort& effort,
                                  const Pinning& pinning, ScratchDir& scratch);

}  // namespace bus::bench
