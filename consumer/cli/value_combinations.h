// What options and arguments of bus-value go together, and what they mean together. Looks at the file of COMMAND.
#pragma once

#include <optional>

#include "consumer/cli/value_options.h"

namespace bus::cli {

// What single options cannot check. Where no command is to be run, words behind "--" are moved to `words`, and --while
// means --create unless something else is said.
std::optional<Error> complete_value(ValueCommand& command);

}  // namespace bus::cli
