// check and reload: the files of sources, and what is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"

namespace bus::cli {

// Judges `files`, each a directory or a file in one; the default directory when there are none. Needs no hub.
int check_files(const Place& place, const std::vector<std::string>& files, const Console& console);

// Lets bus-sources look at its directories, and prints what has changed.
int reload_sources(const Place& place, const Console& console);

}  // namespace bus::cli
