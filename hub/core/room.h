// A room: one thing that the hub does for its peers, with the messages that ask for it and the tables behind
// them.
//
// A room knows the core through Hub, and no other room. It owns its tables, and keeps what belongs to one
// peer in that peer's Part. How a room is added is told in HACKING.md.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hub/core/base/deadlines.h"
#include "hub/core/base/status_writer.h"
#include "hub/core/base/transport.h"
#include "hub/core/peers/peer.h"
#include "protocol/decode.h"

namespace bus::hub {

class Delivery;
class Closing;
class Handshake;
class Input;
class Ledger;
class Peers;
class Room;
class TurnBudget;
struct HubConfig;

// Events that the hub itself publishes.
class OwnEvents {
 public:
  virtual ~OwnEvents() = default;
  // `payload` is JSON. False when it is too large for an event.
  virtual bool publish_own(std::string_view event_type, std::string_view payload) = 0;
};

// Why a task failed, by a code of PROTOCOL.md 10.
struct TaskFault {
  std::string code;
  std::string message;
};

// Calls that the hub makes itself.
class OwnCalls {
 public:
  // Told of the end of a call, once: it had a result, unless there is a fault.
  using OnEnd = std::function<void(const std::optional<TaskFault>& fault)>;

  virtual ~OwnCalls() = default;
  // Calls `task` as the peer would, which may go meanwhile. `args` is JSON. The call ends after `limit` at the latest,
  // or when the hub stops; it may have ended when this returns.
  virtual void call_for(const Peer& peer, std::string_view task, std::string_view args, Duration limit,
                        OnEnd on_end) = 0;
};

// Values below `bus.`, which follow the hub's own state.
class OwnValues {
 public:
  virtual ~OwnValues() = default;
  // `value` is JSON; empty: there is none any more. Nothing happens where the key would be too long for one.
  virtual void set_own(const std::string& key, std::string value) = 0;
  // Milliseconds since 1970.
  virtual int64_t wall_ms() = 0;
};

// The core, as rooms see it.
struct Hub {
  const HubConfig& config;
  Ledger& ledger;
  Deadlines& deadlines;
  TurnBudget& turn;
  Delivery& delivery;
  Publishers& publishers;
  Peers& peers;
  Closing& closing;
  Handshake& handshake;
  Input& input;
  Transport& transport;
  OwnEvents* events = nullptr;  // once there are rooms
  OwnCalls* calls = nullptr;    // the same
  OwnValues* values = nullptr;  // the same; nullptr: the hub has no values
  TimePoint now;                // of this entry
};

// A peer's fault: the core counts and answers it, never the room.
using Answer = std::optional<Fault>;

// In which phases a message is allowed; in the others the core answers not_allowed.
enum class Allowed : uint8_t {
  first,        // as the first frame of a connection, and only so
  later,        // not as the first frame
  first_later,  // as any; as the first frame it makes the connection an anonymous client
  never,        // only the hub sends it
};

struct MessageRule {
  std::string_view type;
  Allowed allowed;
  Answer (*handle)(Room& room, Peer& from, const Frame& frame, TimePoint now);
  // Whether a frame that is not allowed is a good one: if not, that is what its sender is told.
  Answer (*check)(const Frame& frame);
};

// A task below `bus.` that a room serves itself, at once: it appends its result, JSON of at most `most` bytes.
struct HubTask {
  std::string_view name;
  std::optional<TaskFault> (*serve)(Room& room, std::string_view args, size_t most, TimePoint now,
                                    std::string& result);
};

// What is asked by the task `bus.explain`.
struct Question {
  enum class About : uint8_t { event_type, task, key };
  About about = About::event_type;
  std::string name;
  std::string to;   // with a task: the source that is to serve it
  size_t most = 0;  // bytes of the answer
};

// What a room says of a hello.
struct Welcome {
  enum class Kind : uint8_t { welcome, waits, rejected };
  Kind kind = Kind::welcome;
  bool first = false;  // the peer is the first of its scope
  std::string reason;  // when rejected
};

class Room : public Deadlines::Owner {
 public:
  explicit Room(Hub& hub) : hub_(hub) {}
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  virtual std::span<const MessageRule> messages() const { return {}; }
  virtual std::span<const HubTask> tasks() const { return {}; }

  // Whether a consumer may come in. When the answer is `waits`, the room tells the handshake later.
  virtual Welcome admit(Peer&, TimePoint) { return {}; }
  // The peer is a consumer or a source from now on, and its hello_ack is queued.
  virtual void joined(Peer&, TimePoint) {}
  // The peer will send nothing more.
  virtual void input_ended(Peer&) {}
  // The peer takes part no longer: tell those that should know, and drop all that ties it to others. What is
  // queued for it is still written. Called once for each peer, also for one that has never joined.
  virtual void leave(Peer&) {}
  // Nothing can be written to the peer any more, which has left.
  virtual void gone(Peer&) {}
  void expired(Deadline&, TimePoint) override {}

  // Work that was deferred to the turn's end. has_work(): some of it is left, and the next turn comes at
  // once.
  virtual void end_of_turn(TimePoint) {}
  virtual bool has_work() const { return false; }
  // A veto of idle exit.
  virtual bool is_busy() const { return false; }
  // The hub stops: peers are written what is queued, for a second at most.
  virtual void stop() {}
  // Its sections of status.
  virtual void describe(StatusWriter&, TimePoint) const {}
  // Its answer, JSON, if the question is about what it keeps; else empty.
  virtual std::string explain(const Question&, TimePoint) const { return {}; }

  // Which of a peer's parts is this room's.
  void set_place(size_t place) { place_ = place; }

 protected:
  // The room's part of the peer; made when there is none.
  template <class T>
  T& part(Peer& peer) const {
    if (!peer.parts[place_]) peer.parts[place_] = std::make_unique<T>();
    return static_cast<T&>(*peer.parts[place_]);
  }
  template <class T, class... Args>
  T& make_part(Peer& peer, Args&&... args) const {
    auto made = std::make_unique<T>(std::forward<Args>(args)...);
    T& part = *made;
    peer.parts[place_] = std::move(made);
    return part;
  }
  // The same, or nullptr.
  template <class T>
  T* find_part(const Peer& peer) const {
    return static_cast<T*>(peer.parts[place_].get());
  }

  Hub& hub_;

 private:
  size_t place_ = 0;
};

// Calls `handle(message)` with the M that the frame is.
template <class M, class Handle>
Answer with(const Frame& frame, Handle handle) {
  OrFault<M> message = decode<M>(frame);
  if (!message) return std::move(message.fault());
  return handle(*message);
}

// The rule for messages M, which `method` of the room handles: Answer (Peer& from, M& message, TimePoint
// now).
template <auto method, class R, class M>
constexpr MessageRule rule_of(Allowed allowed, Answer (R::*)(Peer&, M&, TimePoint)) {
  return {M::kType, allowed,
          [](Room& room, Peer& from, const Frame& frame, TimePoint now) {
            return with<M>(frame,
                           [&](M& message) { return (static_cast<R&>(room).*method)(from, message, now); });
          },
          [](const Frame& frame) { return with<M>(frame, [](M&) { return Answer(); }); }};
}
template <auto method>
constexpr MessageRule rule(Allowed allowed) {
  return rule_of<method>(allowed, method);
}

// The rule for messages M, which only the hub sends.
template <class M>
constexpr MessageRule sent_by_hub() {
  return {M::kType, Allowed::never, nullptr, [](const Frame&) { return Answer(); }};
}

}  // namespace bus::hub
