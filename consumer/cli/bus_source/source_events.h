// events: a line for each change of a source, as they happen.
#pragma once

#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"

namespace bus::cli {

// Of the sources `names`; of all when there are none. Starts none: it only observes. The exit status.
int print_source_events(const Place& place, const std::vector<std::string>& names, bool json,
                        const Console& console);

}  // namespace bus::cli
