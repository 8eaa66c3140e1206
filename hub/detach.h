// busd --detach: starts a hub in the background, as the SDK does on demand, and returns once it is ready.
#pragma once

#include "hub/exit_code.h"
#include "hub/options.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// Says one line on stderr: who serves now, or why nobody does.
ExitCode detach(Options options, const Endpoint& endpoint);

}  // namespace bus::hub
