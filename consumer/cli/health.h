// Whether the hub is healthy: its own answer, and what the kernel reports about its lock and socket.
#pragma once

#include <optional>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/error.h"

namespace bus::cli {

struct Health {
  int exit_code = 0;
  std::string summary;  // one line; with exit code 0 it begins with "healthy"
};

// With a code and a hint: for trouble only.
Error error_of(const Health& trouble);

struct Answer {
  std::optional<std::string> text;
  Health trouble;  // why there is none
};

// The hub's status_response frame. If there is none, the kernel is asked which process holds the lock, so
// that a hub whose socket is gone is told from no hub. A hub that cannot be reached is asked again after half
// a second: it may be starting or ending.
Answer ask_hub(const busd::HubOptions& options);
// Its metrics, likewise.
Answer ask_metrics(const busd::HubOptions& options);

// Healthy: the hub answers within 2 s, and the process that answers holds the bus's lock. Consumers that lost
// events are mentioned, but do not make the check fail: a restart of the hub would not help them.
Health check_health(const busd::HubOptions& options);

}  // namespace bus::cli
