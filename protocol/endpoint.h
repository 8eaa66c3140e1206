// Where a bus is: its socket, and the files beside it (PROTOCOL.md 1 and 8). The hub and every client agree
// on this.
#pragma once

#include <functional>
#include <string>

#include "protocol/base/result.h"

namespace bus {

struct Endpoint {
  std::string name;        // "bus"; for display when the socket was given by path
  std::string socket;      // DIR/NAME.sock
  std::string directory;   // must be private before anything in it is trusted
  std::string lock;        // DIR/NAME.lock: flocked by the hub for life, never deleted
  std::string start_lock;  // DIR/NAME.start.lock: flocked by a client while it starts the hub
  std::string log;         // DIR/NAME.log: of a hub started on demand
  bool explicit_path =
      false;  // by --socket or $BUSD_SOCKET: the user vouches for the directory when connecting
};

struct EndpointRequest {
  std::string socket;  // --socket; empty: not given
  std::string bus;     // --bus; empty: not given
};

// Looks up an environment variable; nullptr when it is not set. getenv in programs, a table in tests.
using Environment = std::function<const char*(const char*)>;

// First that applies: request.socket; $BUSD_SOCKET; $XDG_RUNTIME_DIR/busd/NAME.sock;
// /run/user/UID/busd/NAME.sock if /run/user/UID exists and is ours; /tmp/busd-UID/NAME.sock. NAME is
// request.bus, $BUSD_BUS, or "bus". Empty variables count as not set; a relative socket path is made
// absolute, because a detached hub runs in "/". "x/foo.sock" has its lock at "x/foo.lock"; "x/foo" at
// "x/foo.lock" too.
//
// Creates nothing. Errors: invalid   a bus name that is not [A-Za-z0-9._-]{1,64} or starts with a dot
//                          too_long  a socket path over 107 bytes
Result<Endpoint> resolve_endpoint(const EndpointRequest& request, const Environment& environment);

}  // namespace bus
