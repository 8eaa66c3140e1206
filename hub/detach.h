// busd --detach: starts a hub in the background, as the SDK does on demand, and returns once it is ready.
#pragma once

#include "hub/error_output.h"
#include "hub/exit_code.h"
#include "hub/options.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// Says on stderr who serves now, and which settings have no effect; or why nobody serves.
ExitCode detach(Options options, const Endpoint& endpoint, const ErrorOutput& output);

}  // namespace bus::hub
