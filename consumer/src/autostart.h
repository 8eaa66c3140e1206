// Getting a socket to the hub: connecting, and starting a hub when nobody listens (PROTOCOL.md 8).
#pragma once

#include <string>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::sdk {

struct StartPolicy {
  bool allowed = true;
  // Whether to wait while another client starts the hub. Otherwise that is the error `busy`.
  bool wait_for_others = true;
  std::string program;
};

// Connects only. Unless the user named the path, the directory must be private before the socket in it is
// trusted.
//
// Errors: unavailable  nobody listens
//         denied       the directory or the socket is not ours to use
//         timed_out    the hub's backlog stayed full
Result<Fd> connect_hub(const Endpoint& where, TimePoint deadline);

// Connects; when nobody listens, uses a hub at another of the user's standard places (PROTOCOL.md 1), and
// when there is none, starts one first. Waits until `deadline` at most.
//
// Only one of several racing callers starts it: the start lock is taken first, and then connecting is tried
// once more. Errors as of connect_hub, and
//   unavailable  the hub could not be started, or may not be; `what` holds its one-line reason. Also where
//                the user named a path in another user's directory, such as that of the system's bus
//   denied       what is at the path is not a socket
//   busy         another client is starting it
Result<Fd> connect_or_start(const Endpoint& where, const StartPolicy& policy, TimePoint deadline);

// What to start: `asked`, else $BUSD_PROGRAM, else "busd" beside the running program, else the one that was
// installed with the shared library, else "busd" from PATH.
std::string hub_program(const std::string& asked);

// Whether $BUSD_NO_START forbids starting: set, not empty, not "0".
bool start_forbidden_by_environment();

}  // namespace bus::sdk
