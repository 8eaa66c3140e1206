// --check: all that is wrong with the files of sources, said at once. Runs nothing.
#pragma once

#include <string>
#include <vector>

#include "consumer/cli/console.h"
#include "consumer/sources/directory.h"

namespace bus::sources {

// What look_at() of directory.h finds; and a source is a fault, too, whose program or directory is not there, or may not be
// used by this user. bus-sources itself keeps such a source: the program may come.
Catalog judge(const std::vector<std::string>& directories, bool may_be_missing);

// Each a line on stderr. Returns the exit status.
int say_faults(const std::vector<FileFault>& faults, const cli::Console& console);

// As judge() sees them; what is fine is named. Returns the exit status.
int check_directories(const std::vector<std::string>& directories, bool may_be_missing,
                      const cli::Console& console);

}  // namespace bus::sources
