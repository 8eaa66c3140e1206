// Runs the shapes of a group on all contenders in turn, and takes the medians.
//
// Interleaved: in each repetition every contender runs once, each time beginning with another one, so that a
// slow minute of the machine is shared by all. Prints nothing; tables.h does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/lane.h"
#include "tests/bench/pinning.h"
#include "tests/bench/scratch_dir.h"
#include "tests/bench/shape.h"

namespace bus::bench {

struct Effort {
  size_t runs = 5;
  Duration warm_up = milliseconds(50);  // before each run
  Duration run = milliseconds(400);
};

// One contender on one shape.
struct Outcome {
  std::string name;
  Role role = Role::peer;
  std::string fault;            // why there are no figures; empty when there are
  std::vector<Sample> samples;  // of each run
  Sample median;                // of each member by itself
  double memory_mib = 0;        // of the server, after the last run
};

struct ShapeOutcome {
  Shape shape;
  std::vector<Outcome>
      outcomes;  // in the order of the contenders; those that the shape is not for are left out
};

// The middle one, or the mean of the two in the middle. `values` is not empty.
double median_of(std::vector<double> values);

// Error: the scratch directory is of no use. What goes wrong with a contender is its fault, and ends only its
// own runs.
Result<std::vector<ShapeOutcome>> measure(const Group& group,
                                          const std::vector<std::unique_ptr<Contender>>& contenders,
                                          const Effort& effort, const Pinning& pinning, ScratchDir& scratch);

}  // namespace bus::bench
