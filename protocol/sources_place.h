// Where the sources of a bus are put, for bus-sources to run them. The hub, which starts bus-sources, agrees on this.
#pragma once

#include <string>

#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus {

// Whether it is the system's bus, by its socket.
bool is_system_bus(const Endpoint& endpoint);

// Whether a hub there runs the sources of sources_directory() by itself: the system's, and one of its user's at a standard
// place.
bool has_default_sources(const Endpoint& endpoint, const Environment& environment);

// /etc/busd/sources.d for the system's bus; else sources.d in $XDG_CONFIG_HOME/busd or ~/.config/busd, or
// NAME.sources.d there for a bus that is not named "bus". It need not exist. Error invalid: there is no home.
Result<std::string> sources_directory(const Endpoint& endpoint, const Environment& environment);

// The lock of the one bus-sources of that bus, beside its socket; unless bus-sources was told another place.
std::string sources_lock(const Endpoint& endpoint);

// "/busd" below the absolute path that `variable` holds, or else below `beside_home` in the home directory. By the XDG
// Base Directory Specification a relative path is to be ignored. Error invalid: there is no home.
Result<std::string> user_directory(const Environment& environment, const char* variable,
                                   const char* beside_home);

}  // namespace bus
