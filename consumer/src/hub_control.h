// Looking at a hub and stopping it, from outside: what busd_hub_* of the public header does. Never starts
// one.
#pragma once

#include <string>

#include "busd/consumer.h"
#include "consumer/src/verdict.h"
#include "protocol/base/clock.h"
#include "protocol/endpoint.h"

namespace bus::sdk {

// The status_response line, without its end.
Verdict hub_status(const Endpoint& endpoint, Duration patience, std::string& response);

struct HubFacts {
  bool socket_exists = false;
  bool lock_held = false;
  int64_t lock_pid = 0;
  int64_t peer_pid = 0;
  int64_t peer_uid = 0;
};

HubFacts hub_inspect(const Endpoint& endpoint);

Verdict hub_stop(const Endpoint& endpoint, Duration patience, bool force);

}  // namespace bus::sdk
