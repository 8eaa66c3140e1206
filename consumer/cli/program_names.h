// The names of the processes that a status report mentions, as /proc has them. A process of another user has
// a readable name too; one that has ended, or that is in another pid namespace, has none.
#pragma once

#include <cstdint>
#include <string>

#include "consumer/cli/status_report.h"

namespace bus::cli {

// At most 15 bytes (proc(5), comm), chosen by the process itself; empty when it is not known.
std::string program_name(int64_t pid);

// Sets the member `program` of everything in the report that has a pid.
void name_programs(StatusReport& report);

}  // namespace bus::cli
