// Asking a hub for its status, and stopping it. Never starts one.
#pragma once

#include <string>

#include "busd/consumer.h"
#include "consumer/src/api_result.h"
#include "protocol/base/clock.h"
#include "protocol/endpoint.h"

namespace bus::sdk {

// The status_response line, without its end.
ApiResult hub_status(const Endpoint& endpoint, Duration patience, std::string& response);
// The hub's metrics, as text for Prometheus.
ApiResult hub_metrics(const Endpoint& endpoint, Duration patience, std::string& metrics);

// What stopping a hub came to.
struct HubEnding {
  bool ran = false;
  bool killed = false;  // by SIGKILL
  int64_t pid = 0;      // of the hub that ran; 0: unknown
};

// Stops the hub of `endpoint` itself, never one at another standard place. With `force`, a hub that refuses,
// or that has no socket to ask it by, is sent SIGTERM, and one that is still there at the end of `patience`
// is killed: what holds the lock, as the kernel says. Without, a hub that has no socket gets the time to put
// it up again.
ApiResult hub_stop(const Endpoint& endpoint, Duration patience, bool force, HubEnding& ending);

}  // namespace bus::sdk
