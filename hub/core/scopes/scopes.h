// The room of scopes: who is first and last there, and who cleans up (PROTOCOL.md 6).
#pragma once

#include <deque>

#include "hub/core/room.h"
#include "hub/core/scopes/key_registry.h"
#include "protocol/messages/pre_shutdown.h"

namespace bus::hub {

class Scopes final : public Room {
 public:
  using Room::Room;

  std::span<const MessageRule> messages() const override;
  Welcome admit(Peer& peer, TimePoint now) override;
  void leave(Peer& peer) override;
  void expired(Deadline& deadline, TimePoint now) override;
  // Answers hellos that have waited for a lock.
  void end_of_turn(TimePoint now) override;
  bool has_work() const override;
  void describe(StatusWriter& out, TimePoint now) const override;

 private:
  struct Member;

  Answer check(Peer& peer, PreShutdownCheck& message, TimePoint now);
  void stop_waiting(Peer& peer, Member& member);

  KeyRegistry registry_;
  std::deque<KeyRegistry::Answer> answers_;  // of a lock that was released, not yet told
  size_t waiting_ = 0;                       // members that wait
};

}  // namespace bus::hub
