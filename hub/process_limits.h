// The limits of resources (setrlimit(2)) that the hub has inherited, as far as they can end it or make it
// refuse.
#pragma once

#include <cstddef>

#include "hub/log.h"

namespace bus::hub {

// Raises the soft limit of open files to the hard one, and returns what now holds.
size_t raise_descriptor_limit();

// Logs a warning for each limit that can end a hub which is to take up to `memory` bytes.
void warn_of_limits(size_t memory, Log& log);

}  // namespace bus::hub
