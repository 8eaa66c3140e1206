// The room of scopes: who is first and last there, and who cleans up (PROTOCOL.md 6).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/text_map.h"
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
  std::string explain(const Question& question, TimePoint now) const override;

 private:
  struct Member;

  // The call of a consumer's clean-up task.
  struct Cleanup {
    PeerId peer = 0;
    int64_t pid = 0;
    std::string task;
  };

  Answer check(Peer& peer, PreShutdownCheck& message, TimePoint now);
  std::string scope_row(const std::string& scope, size_t most, TimePoint now) const;
  void stop_waiting(Peer& peer, Member& member);
  void nobody_cleaned(Peer& peer, const std::string& scope);
  void end_cleanup(const std::string& scope, const std::optional<TaskFault>& fault);
  void take(std::vector<KeyRegistry::Answer> answers);

  KeyRegistry registry_;
  std::deque<KeyRegistry::Answer> answers_;  // of a lock that was released, not yet told
  size_t waiting_ = 0;                       // members that wait
  TextMap<Cleanup> cleanups_;                // that go on, by scope
};

}  // namespace bus::hub
