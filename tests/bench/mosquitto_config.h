// What mosquitto is started with, both to be measured at work and to be measured at starting.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/result.h"

namespace bus::bench {

inline constexpr const char* kMosquittoProgram = "mosquitto";

std::string mosquitto_socket(const std::string& directory);

// Writes a configuration into `directory`: a Unix socket there, anonymous clients, nothing stored, nothing
// logged, no limits. Returns the arguments that make mosquitto use it.
Result<std::vector<std::string>> configure_mosquitto(const std::string& directory);

}  // namespace bus::bench
