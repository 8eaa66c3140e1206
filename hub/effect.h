// Settings that do not do what was asked for, so that busd says so instead of taking them silently.
#pragma once

#include <string>
#include <vector>

#include "hub/options.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// Of a hub that serves `endpoint`, by a socket that was passed or by its own: what has no effect and why, a
// line each. What depends on the limits of the process the hub's log says.
std::vector<std::string> without_effect(const Options& options, const Endpoint& endpoint, bool passed_socket);

// The same of a hub that is to be started, with the limits that it will have.
std::vector<std::string> expected_without_effect(const Options& options, const Endpoint& endpoint);

// Whether a setting other than the place and the log differs from its default.
bool changes_settings(const Options& options);

// Said where another hub serves already and settings were given.
inline constexpr const char* kOthersSettings =
    "that hub keeps its own settings; to serve with those given here, stop it first (bus-stop)";

}  // namespace bus::hub
