// Is the hub well: its own answer, and what the kernel says about its lock and socket.
#pragma once

#include <optional>
#include <string>

#include "busd/consumer.hpp"

namespace bus::cli {

struct Health {
  int exit_code = 0;
  std::string summary;  // one line; with exit code 0 it begins with "healthy"
};

struct Answer {
  std::optional<std::string> response;  // the status_response frame
  Health trouble;                       // why there is none
};

// The hub's answer to a status query. Where there is none, the kernel is asked who holds the lock, so that a
// hub whose socket is gone is told from none. One that cannot be reached is asked again after half a second:
// it may be starting or ending.
Answer ask_hub(const busd::HubOptions& options);

// Well: it answers within 2 s, and who answers holds the bus's lock. Consumers that lost events are
// mentioned, but are no illness of the hub: restarting it would help nobody.
Health check_health(const busd::HubOptions& options);

}  // namespace bus::cli
