// The room of status: answers status_query (PROTOCOL.md 7) with what the rooms say of themselves, and describes what
// belongs to no room: the hub, its connections, its memory. `bus.explain` it passes on to the room that knows.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "hub/core/peers/admission.h"
#include "hub/core/room.h"
#include "protocol/messages/status.h"

namespace bus::hub {

class Status final : public Room {
 public:
  Status(Hub& hub, Admission& admission, TimePoint start) : Room(hub), admission_(admission), start_(start) {}
  // All rooms, in the order in which they describe themselves.
  void begin(std::span<Room* const> rooms) { rooms_ = rooms; }

  std::span<const MessageRule> messages() const override;
  std::span<const HubTask> tasks() const override;
  void describe(StatusWriter& out, TimePoint now) const override;
  // The status_response with its LF, of at most `max_bytes`.
  std::string response(StatusFormat format, size_t max_bytes, TimePoint now) const;

 private:
  struct Asker;

  static std::optional<TaskFault> serve_status(Room& room, std::string_view args, size_t most, TimePoint now,
                                               std::string& result);
  static std::optional<TaskFault> serve_explain(Room& room, std::string_view args, size_t most, TimePoint now,
                                                std::string& result);
  Answer query(Peer& peer, StatusQuery& message, TimePoint now);
  void describe_hub(StatusWriter& out, TimePoint now) const;
  void describe_consumers(StatusWriter& out, TimePoint now) const;
  void describe_connections(StatusWriter& out) const;

  Admission& admission_;
  TimePoint start_;
  std::span<Room* const> rooms_;
};

}  // namespace bus::hub
