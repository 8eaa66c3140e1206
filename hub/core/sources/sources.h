// The room of sources: named ones, and what consumers are told of their state (PROTOCOL.md 4).
#pragma once

#include "hub/core/room.h"
#include "hub/core/sources/source_table.h"
#include "protocol/messages/source_status.h"

namespace bus::hub {

class Sources final : public Room {
 public:
  explicit Sources(Hub& hub)
      : Room(hub), table_(hub.publishers, [this](const std::string& name) { forget_state(name); }) {}

  std::span<const MessageRule> messages() const override;
  void joined(Peer& peer, TimePoint now) override;
  void leave(Peer& peer) override;
  void describe(StatusWriter& out, TimePoint now) const override;

 private:
  struct Bearer;

  Answer report(Peer& peer, SourceStatus& message, TimePoint now);
  void tell_newcomer(Peer& consumer);
  void tell_all(const SourceStatus& status);
  void keep_state(const SourceStatus& status);
  void forget_state(const std::string& name);
  bool describe_named(StatusWriter& out, TimePoint now) const;
  void describe_anonymous(StatusWriter& out, TimePoint now) const;

  SourceTable table_;
};

}  // namespace bus::hub
