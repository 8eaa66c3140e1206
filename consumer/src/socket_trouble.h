// Why a hub's socket cannot be used, in words that say what to do. Looks at files; connects to nothing.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::sdk {

// `error` of connecting to the endpoint's socket, with what is known about the path: that it is no socket,
// who may use it, that there is none. What is no socket is `denied`, because no hub can be started there.
Error explained(const Endpoint& where, Error error);

// "pid 7 listens at PATH and does not answer; …". `pid` 0: unknown.
std::string silent_hub(const Endpoint& where, int64_t pid);

// What ends the process, or lets it go on, as advice: one that is stopped (SIGSTOP) does not take SIGTERM.
std::string ending_advice(int64_t pid);

// "pid 7", or "a process".
std::string process_text(int64_t pid);

}  // namespace bus::sdk
