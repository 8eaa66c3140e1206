// The room of calls: requests to named tasks, and exactly one end for each (PROTOCOL.md 10).
//
// Reads what peers say, and tells them what was wrong with it. What becomes of a call is the tracker's.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/core/base/text_map.h"
#include "hub/core/calls/tracker.h"
#include "hub/core/room.h"
#include "protocol/messages/call.h"

namespace bus::hub {

class Calls final : public Room, public OwnCalls {
 public:
  explicit Calls(Hub& hub) : Room(hub), tracker_(hub) {}
  // The tasks that the hub's rooms serve themselves.
  void begin(std::span<Room* const> rooms);

  std::span<const MessageRule> messages() const override;
  std::span<const HubTask> tasks() const override;
  void input_ended(Peer& peer) override;
  void leave(Peer& peer) override;
  void gone(Peer& peer) override;
  void end_of_turn(TimePoint now) override;
  bool is_busy() const override { return tracker_.open() > 0; }
  void stop() override;
  void describe(StatusWriter& out, TimePoint now) const override;
  std::string explain(const Question& question, TimePoint now) const override;
  void call_for(const Peer& peer, std::string_view task, std::string_view args, Duration limit,
                OnEnd on_end) override;

 private:
  struct Served {
    Room* room = nullptr;
    const HubTask* task = nullptr;
  };
  // What a provider says of a call: it is open, or was, or was never given to it.
  struct Named {
    Call* call = nullptr;
    Answer fault;
  };

  Answer provide(Peer& peer, Provide& message, TimePoint now);
  Answer unprovide(Peer& peer, Unprovide& message, TimePoint now);
  Answer request(Peer& peer, Request& message, TimePoint now);
  Answer chunk(Peer& peer, Chunk& message, TimePoint now);
  Answer progress(Peer& peer, Progress& message, TimePoint now);
  Answer cancel(Peer& peer, Cancel& message, TimePoint now);
  Answer response(Peer& peer, Response& message, TimePoint now);

  CallPeer& call_peer(Peer& peer);
  std::optional<TaskFault> fault_of(const Peer& peer, const Provide& message) const;
  bool may_provide_below_bus(const Peer& peer) const;
  static bool is_of_hub(std::string_view task);
  void serve_own(CallPeer& caller, const Request& message, TimePoint now);
  std::optional<TaskFault> fault_of(const CallPeer& caller, const Request& message) const;
  Named named(Peer& peer, std::string_view id) const;

  Tracker tracker_;
  TextMap<Served> served_;
};

}  // namespace bus::hub
