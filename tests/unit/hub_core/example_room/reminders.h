// The example of a room (HACKING.md, "Adding a room"): a peer asks to be reminded of something, and is reminded
// when the time has come.
//
// It has what most rooms need: a message that comes in and one that goes out, a part for each peer, a
// deadline, a charge for what a peer makes it hold, a feed, and a section of status. The hub has no such room;
// example_room_test.cpp adds it to a core.
#pragma once

#include "hub/core/room.h"
#include "tests/unit/hub_core/example_room/messages.h"

namespace bus::example {

class Reminders final : public hub::Room {
 public:
  using Room::Room;
  ~Reminders() override { BUSD_CHECK(waiting_ == 0); }

  std::span<const hub::MessageRule> messages() const override;
  void expired(hub::Deadline& deadline, TimePoint now) override;
  void leave(hub::Peer& peer) override;
  void describe(hub::StatusWriter& out, TimePoint now) const override;

 private:
  struct Plan;

  hub::Answer remind(hub::Peer& peer, Remind& message, TimePoint now);

  size_t waiting_ = 0;  // plans whose time has not come
  uint64_t due_ = 0;    // plans whose time has come
};

}  // namespace bus::example
