// Who may connect: users, and places for connections, of all together, of each user, and a reserve for the
// hub's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/base/config.h"
#include "hub/core/peers/peer.h"

namespace bus::hub {

// Connections of the hub's own user and of root that are accepted beyond all limits, for a status_query or a
// shutdown and nothing else, so that a hub that is full can be inspected and stopped.
inline constexpr size_t kAdministrativePlaces = 8;
// What such a connection may make the hub hold when the pools are used up: of input, and of a
// status_response, which is cut to fit. Together they are less than 1 MiB beside the pools.
inline constexpr size_t kAdministrativeInputBytes = 4 * 1024;
inline constexpr size_t kAdministrativeReplyBytes = 64 * 1024;

struct Credentials {
  int64_t pid = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
};

class Admission {
 public:
  explicit Admission(const HubConfig& config) : config_(config) {}

  bool allows(const Credentials& credentials) const;
  // What a user that is not allowed is told.
  std::string denial_of(uint32_t uid) const;

  // Why there is no place for the peer; empty when there is one.
  std::string crowd_around(const Peer& peer) const;
  void take_place(Peer& peer);

  // One of the reserve; false when the peer may not have one, or all are taken.
  bool take_administrative_place(Peer& peer);
  void leave_administrative_place(Peer& peer);
  // The peer has gone.
  void leave(Peer& peer);

 private:
  const HubConfig& config_;
  size_t admitted_ = 0;        // peers with `admitted`
  size_t administrators_ = 0;  // peers with `administers`
};

}  // namespace bus::hub
