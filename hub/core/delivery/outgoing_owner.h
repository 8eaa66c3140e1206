// What delivery tells whoever the peers belong to.
#pragma once

#include <functional>
#include <string>

#include "hub/core/delivery/outgoing.h"

namespace bus::hub {

// Why a peer is given up.
enum class GivenUp : uint8_t {
  unread,   // it left replies unread, too many or for too long
  evicted,  // it had read a part of an event, and the memory of that was needed
};

inline constexpr const char* kNotReadInTime = "did not read what was written to it in time";

class OutgoingOwner {
 public:
  virtual ~OutgoingOwner() = default;
  // Something waits for the peer's socket, or waits no longer.
  virtual void output_changed(Outgoing& peer) = 0;
  // The peer has just lost events.
  virtual void lost_events(Outgoing& peer) = 0;
  // The peer is beyond help: its connection is to be closed at once, and it is abandoned() from here on.
  virtual void give_up(Outgoing& peer, GivenUp why, std::string text) = 0;
  // `pool` had no room for what the peer wanted.
  virtual void refused_memory(Outgoing& peer, Pool pool) = 0;
  virtual void for_each(const std::function<void(Outgoing&)>& visit) = 0;
};

}  // namespace bus::hub
