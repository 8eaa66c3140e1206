// --check: all that is wrong with the files of sources, said at once. Runs nothing.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "consumer/cli/console.h"
#include "consumer/sources/directory.h"

namespace bus::sources {

// Why this user could not start it now: its program or directory is not there, may not be used, or cannot be executed. `lines`
// are those of the keys in its file.
std::vector<FileFault> start_faults(const Definition& definition, const std::map<std::string, size_t>& lines);

// What look_at() of directory.h finds; and what start_faults() finds. bus-sources itself keeps such a source: the program may come.
Catalog judge(const std::vector<std::string>& directories, bool may_be_missing);

// Each a line on stderr. Returns the exit status.
int say_faults(const std::vector<FileFault>& faults, const cli::Console& console);

// As judge() sees them; what is fine is named. Returns the exit status.
int check_directories(const std::vector<std::string>& directories, bool may_be_missing,
                      const cli::Console& console);

}  // namespace bus::sources
