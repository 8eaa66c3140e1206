// Starting up and serving, in the order that makes it safe: directory, log, lock, socket, then the world may
// know.
#pragma once

#include "hub/exit_code.h"
#include "hub/options.h"
#include "hub/readiness.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// Runs the hub to its end. Says on stderr, or in the log once there is one, and on the readiness descriptor
// why it could not start. When another hub serves there, says so and returns kExitDone.
ExitCode serve(const Options& options, const Endpoint& endpoint, Readiness readiness);

}  // namespace bus::hub
