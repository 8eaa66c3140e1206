// What delivery tells whoever the peers belong to.
#pragma once

#include <functional>
#include <string>

#include "hub/core/base/notices.h"
#include "hub/core/delivery/outgoing.h"

namespace bus::hub {

inline constexpr const char* kNotReadInTime = "did not read what was written to it in time";

class OutgoingOwner {
 public:
  virtual ~OutgoingOwner() = default;
  // Something waits for the peer's socket, or waits no longer.
  virtual void output_changed(Outgoing& peer) = 0;
  // The peer has just lost events.
  virtual void lost_events(Outgoing& peer) = 0;
  // The peer is beyond help: its connection is to be closed at once, and it is abandoned() from here on.
  virtual void give_up(Outgoing& peer, Notice::Kind why, std::string text) = 0;
  // `pool` had no room for what the peer wanted.
  virtual void refused_memory(Outgoing& peer, Pool pool) = 0;
  virtual void for_each(const std::function<void(Outgoing&)>& visit) = 0;
};

}  // namespace bus::hub
