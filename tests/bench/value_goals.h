// What is aimed at with values, beside what a run has shown: ratios to peers, and bounds.
//
// Pure: outcomes in, text out.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.h"

namespace bus::bench {

// A table with a line for each goal of which the outcomes tell; empty when they tell of none. Of several busd the first counts.
std::string value_goals_text(const std::vector<ShapeOutcome>& results);

}  // namespace bus::bench
