// Where bus-sources keeps its files, by the bus that it serves. Where the sources are is protocol/sources_place.h.
#pragma once

#include <string>

#include "protocol/endpoint.h"

namespace bus::sources {

// Where marks are kept: $STATE_DIRECTORY of a service; else /var/lib/busd for the system's bus, $XDG_STATE_HOME/busd,
// or ~/.local/state/busd, where the home is that of the user's entry in passwd(5) if $HOME names none.
std::string state_directory(const Endpoint& endpoint, const Environment& environment);

// The lock of the one bus-sources of a bus, and the record of what it runs: in `directory`, or beside the socket if that is
// empty.
struct RunFiles {
  std::string lock;
  std::string record;
};
RunFiles run_files(const Endpoint& endpoint, const std::string& directory);

}  // namespace bus::sources
