// The limits of resources (setrlimit(2)) that the hub has inherited, as far as they can end it or make it
// refuse.
#pragma once

#include <cstddef>

#include "hub/log.h"
#include "protocol/base/result.h"

namespace bus::hub {

// How many connections the hub can serve when it may open `descriptors` files.
size_t connections_of(size_t descriptors);

// `wanted`, or fewer where `descriptors` allow no more.
//
// Error unavailable: they are so few that the hub would serve its starter and nobody else.
Result<size_t> fitting_connections(size_t wanted, size_t descriptors);

// The hard limit of open files: what a hub that was started with it can raise its own to.
size_t most_descriptors();

// What the hub itself holds: stdio, lock, socket, log, epoll, signals, the listener's reserve, and a few for
// the runtime.
inline constexpr size_t kOwnDescriptors = 32;

// Raises the soft limit of open files to the hard one, and returns what now holds.
size_t raise_descriptor_limit();

// Logs a warning for each limit that can end a hub which is to take up to `memory` bytes.
void warn_of_limits(size_t memory, Log& log);

}  // namespace bus::hub
