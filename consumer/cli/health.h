// Is the hub well: its own answer, and what the kernel says about its lock and socket (bus-status --check).
#pragma once

#include <string>

#include "busd/consumer.hpp"

namespace bus::cli {

struct Health {
  int exit_code = 0;
  std::string summary;  // one line; with exit code 0 it begins with "healthy"
};

// Well: it answers within 2 s, and who answers holds the bus's lock. Consumers that lost events are
// mentioned, but are no illness of the hub: restarting it would help nobody.
Health check_health(const busd::HubOptions& options);

}  // namespace bus::cli
