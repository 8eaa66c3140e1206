// Where a bus is: its socket, and the files beside it (PROTOCOL.md 1 and 8). The hub and every client agree
// on this.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "protocol/base/result.h"

namespace bus {

struct Endpoint {
  std::string name;        // "bus"; for display when the socket was given by path
  std::string socket;      // DIR/NAME.sock
  std::string directory;   // must be private before anything in it is trusted
  std::string lock;        // DIR/NAME.lock: flocked by the hub for life, never deleted
  std::string start_lock;  // DIR/NAME.start.lock: flocked by a client while it starts the hub
  std::string log;         // DIR/NAME.log: of a hub started on demand
  // Named by --socket, by $BUSD_SOCKET or by a file: the user vouches for the directory when connecting.
  bool explicit_path = false;
  // The sockets of the same name at the user's other standard places, in their order. Empty with
  // `explicit_path`.
  std::vector<std::string> elsewhere;
  // What the user should be told about the place, as one line: that $XDG_RUNTIME_DIR is not usable, or that
  // the bus is in /tmp. Usually empty.
  std::string notice;
};

struct EndpointRequest {
  std::string socket;  // --socket; empty: not given
  std::string bus;     // --bus; empty: not given
  // The same settings in a configuration file, which the environment overrides.
  std::string file_socket{};
  std::string file_bus{};
};

// Looks up an environment variable; nullptr when it is not set. getenv in programs, a table in tests.
using Environment = std::function<const char*(const char*)>;

// The directories of a user's buses: what busd and its clients look for when no socket is named
// (PROTOCOL.md 1).
struct StandardPlaces {
  std::vector<std::string> directories;  // the first one is where a new hub is started; never empty
  std::string notice;                    // as in Endpoint
};
StandardPlaces standard_places(const Environment& environment);

// The first of these that is given decides: request.socket, request.bus, $BUSD_SOCKET, $BUSD_BUS,
// request.file_socket, request.file_bus, the name "bus". A name is that of a socket in the first of
// standard_places(). Empty variables count as not set. A relative socket path in the request is made
// absolute, because a detached hub runs in "/"; one in $BUSD_SOCKET is refused, because every program that
// reads the variable would find another file. "x/foo.sock" has its lock at "x/foo.lock"; "x/foo" at
// "x/foo.lock" too.
//
// Creates nothing. Errors: invalid   both a socket and a bus in the request; a bus name that is not
//                                    [A-Za-z0-9._-]{1,64} or starts with a dot; a path that names no file,
//                                    or that begins with a ~ that no shell replaced
//                          too_long  a socket path over 107 bytes
Result<Endpoint> resolve_endpoint(const EndpointRequest& request, const Environment& environment);

// Whether a hub there is one of its user's at a standard place. However its socket was named: a hub that is started on demand is
// told the path.
bool is_at_standard_place(const Endpoint& endpoint, const Environment& environment);

// The endpoint of an absolute socket path, as if by --socket.
Result<Endpoint> endpoint_at(std::string socket);

}  // namespace bus
