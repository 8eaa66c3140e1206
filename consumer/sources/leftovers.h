// What an earlier bus-sources, which was killed, has left running: found by its record, and ended.
//
// At the start, before anything of ours runs; waits. The processes are not our children: each is opened as a pidfd and looked at
// again before it is signalled, so that no other one is met that has got its number since.
#pragma once

#include <string>
#include <vector>

#include "consumer/sources/record.h"
#include "protocol/base/clock.h"

namespace bus::sources {

struct Patience {
  Duration until_kill = milliseconds(300);  // they were told to end when bus-sources died
  Duration until_end = milliseconds(900);   // of everything
};

// Returns complaints, one line each: what could not be ended. At once, if the record is of another boot. One that knows no run may
// be of a disk that was full: the marks tell what there is.
std::vector<std::string> end_leftovers(const RecordedRuns& recorded, Patience patience = {});

}  // namespace bus::sources
