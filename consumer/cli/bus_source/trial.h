// run: a program in the terminal as bus-sources would run it. Shows what each of its lines would be. Needs no hub.
#pragma once

#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"

namespace bus::cli {

// `file`: a program, beside which NAME.source is read if there is one; or a file NAME.source. `arguments` go behind those
// of its command. Returns the exit status.
int try_program(const Place& place, const std::string& file, const std::vector<std::string>& arguments,
                const Console& console);

}  // namespace bus::cli
