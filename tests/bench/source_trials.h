// Supervised sources: how soon they run, run again and end, and how fast their lines are. Questions about busd alone, each
// with a bus-sources of its own.
//
//   source-demand    from the hello of the first consumer to the first event of an idle source
//   source-restart   from the death of a source, after a good run, to the life of the next one
//   source-up        100 sources at once; what they take of memory, and of the processor while nothing happens
//   source-stop      an obedient source; 100 with 10 stubborn ones
//   source-storm     how often a source is started that fails at once
//   source-lines     lines a second of one source; how long a line takes, beside a source with its own connection
#pragma once

#include <vector>

#include "tests/bench/call_trials.h"

namespace bus::bench {

const std::vector<Trial>& source_trials();

}  // namespace bus::bench
