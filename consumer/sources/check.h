// --check: all that is wrong with the files of sources, said at once. Runs nothing.
#pragma once

#include <string>
#include <vector>

#include "consumer/cli/console.h"
#include "consumer/sources/directory.h"

namespace bus::sources {

// Each a line on stderr. Returns the exit status.
int say_faults(const std::vector<FileFault>& faults, const cli::Console& console);

// As look_at() of directory.h sees them; what is fine is named. Returns the exit status.
int check_directories(const std::vector<std::string>& directories, bool may_be_missing,
                      const cli::Console& console);

}  // namespace bus::sources
