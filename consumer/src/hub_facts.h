// What can be known of a hub without its help: from the kernel, about its lock and its socket.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::sdk {

struct HubFacts {
  bool socket_exists = false;
  bool lock_held = false;
  bool lock_removed = false;  // it is held, but its file was removed
  int64_t lock_pid = 0;       // who holds it, proved by the kernel (lock_holder.h); 0: unknown
  int64_t peer_pid = 0;
  int64_t peer_uid = 0;
  int64_t starter_pid = 0;  // who holds the start lock
  // Proved: there is no socket, or nobody listens on it and the lock is free.
  bool absent = false;
  // Why the socket cannot be connected to; code `unavailable` when nobody listens.
  Error trouble{Errc::unavailable, ""};
};

HubFacts hub_inspect(const Endpoint& endpoint);

// As hub_inspect. Where there is no lock file, it also looks for a hub whose lock file was removed, among the
// descriptors of all processes: some milliseconds of work.
HubFacts hub_prove(const Endpoint& endpoint);

// Whether a client may use the hub of which these are the facts although its path was not named: it listens,
// and it is the user's own or root's.
bool is_own_hub(const HubFacts& facts);

// `endpoint`, or, where no hub runs there, the user's other standard place where one does (PROTOCOL.md 1).
Endpoint locate(const Endpoint& endpoint);

// The hubs that listen at the standard places, sorted by place and name.
std::vector<Endpoint> hubs_at(const StandardPlaces& places);

}  // namespace bus::sdk
