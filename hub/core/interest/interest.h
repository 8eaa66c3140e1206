// The room of interest: tells those that publish whether somebody listens (PROTOCOL.md 12).
//
// Each entry of a hello's `publishes` is watched in the tree of audience.h. An entry whose number may have
// changed waits to be told, at most once, and its number is looked up only when the socket has room: so a
// source that reads slowly finds the newest number of each entry, and costs no more than its hello did.
#pragma once

#include "hub/core/interest/audience.h"
#include "hub/core/room.h"

namespace bus::hub {

class Interest final : public Room {
 public:
  using Room::Room;

  std::span<const MessageRule> messages() const override;
  void joined(Peer& peer, TimePoint now) override;
  void leave(Peer& peer) override;

 private:
  struct Announced;

  Audience audience_;
};

}  // namespace bus::hub
