// The room of status: the snapshot that answers status_query (PROTOCOL.md 7), of which each room describes
// its part.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "hub/core/peers/admission.h"
#include "hub/core/room.h"
#include "protocol/messages/control.h"

namespace bus::hub {

class Status final : public Room {
 public:
  Status(Hub& hub, Admission& admission, TimePoint start) : Room(hub), admission_(admission), start_(start) {}
  // All rooms, in the order in which they describe themselves.
  void begin(std::span<Room* const> rooms) { rooms_ = rooms; }

  std::span<const MessageRule> messages() const override;
  void describe(StatusResponse& out, TimePoint now) const override;
  StatusResponse snapshot(TimePoint now) const;

 private:
  struct Asker;

  Answer query(Peer& peer, StatusQuery& message, TimePoint now);

  Admission& admission_;
  TimePoint start_;
  std::span<Room* const> rooms_;
};

}  // namespace bus::hub
