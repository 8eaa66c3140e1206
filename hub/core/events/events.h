// The room of events: subscriptions, and an event's way from its line to delivery (PROTOCOL.md 5).
#pragma once

#include <string_view>

#include "hub/core/base/router.h"
#include "hub/core/events/unmatched_types.h"
#include "hub/core/room.h"
#include "protocol/frame.h"

namespace bus::hub {

class Events final : public Room, public OwnEvents {
 public:
  using Room::Room;

  // An event that the peer has sent. `line` is what it was scanned from, with its LF, if that stays in place
  // until the turn ends; else empty.
  Answer publish(Peer& peer, const EventLine& event, std::string_view line, TimePoint now);

  bool publish_own(std::string_view event_type, std::string_view payload) override;

  void joined(Peer& peer, TimePoint now) override;
  void leave(Peer& peer) override;
  void describe(StatusWriter& out, TimePoint now) const override;
  std::string explain(const Question& question, TimePoint now) const override;

 private:
  void forward(const EventLine& event, std::string_view line, size_t bytes);
  bool is_duplicate(Peer& peer, const EventLine& event, TimePoint now);
  bool forget_event_ids();

  Router router_;
  UnmatchedTypes unmatched_;
  uint64_t published_ = 0;
  uint64_t published_bytes_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t unmatched_events_ = 0;
};

}  // namespace bus::hub
