// Starting up and serving, in the order that makes it safe: directory, log, lock, socket, then the world may
// know.
//
// A socket that was passed is looked at before anything else is touched. The lock is taken beside it all the
// same: by the lock tools see that a hub lives and wait for its end, and a hub that somebody starts by hand
// finds that one serves.
#pragma once

#include <optional>

#include "hub/error_output.h"
#include "hub/exit_code.h"
#include "hub/options.h"
#include "hub/readiness.h"
#include "hub/service_manager.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// Who started the hub, as far as that matters.
struct Starter {
  bool passed_socket = false;  // as descriptor kFirstPassedFd
  ServiceManager manager;
  Readiness readiness;
};

// What would keep a hub without a passed socket from starting, found out without creating anything. That
// another hub serves there is no trouble.
std::optional<ErrorReport> start_trouble(const Options& options, const Endpoint& endpoint);

// Runs the hub to its end. Says on stderr, or in the log once there is one, and on the readiness descriptor
// why it could not start. When another hub serves there, says so and returns kExitDone.
ExitCode serve(const Options& options, const Endpoint& endpoint, Starter starter, const ErrorOutput& output);

}  // namespace bus::hub
