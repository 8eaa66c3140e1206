// One connection as the core sees it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hub/core/delivery/outgoing.h"
#include "hub/core/peers/publisher.h"
#include "protocol/base/clock.h"
#include "protocol/line_reader.h"

namespace bus::hub {

// What one read takes at most: large enough that a flood is handled in few turns, small enough that its turn
// is short.
inline constexpr size_t kReadBytes = 256 * 1024;

enum class Phase : uint8_t {
  handshake,  // no complete frame yet
  waiting,    // its hello waits; what it sent after it is kept unread
  consumer,
  source,
  client,     // said hello, and is neither
  anonymous,  // published without a hello
  leaving,    // bye, shutdown, EOF or a fatal fault: what is queued is flushed, then it is closed
};

enum class ReadState : uint8_t {
  read,    // read and hand in
  paused,  // read nothing now: its hello waits, or the hub stops
  ended,   // what may still come is to be ignored: discard it before closing, so that the peer sees EOF. From
           // the other two the peer must see that something was left unread (ECONNRESET): it was not
           // processed
};

// For whose sake a connection is not read, or stays open after its input has ended: each room speaks for itself.
enum Holder : uint8_t {
  kHeldByCalls = 1,
  kHeldByValues = 2,
};

enum class CloseState : uint8_t {
  stay,
  close_when_flushed,  // everything that waits for it is still to be written (bounded by close_deadline)
  close_now,
};

// What a room keeps for one peer. It dies with the peer, after Room::leave() has undone what tied it to
// others.
class Part {
 public:
  Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  virtual ~Part() = default;
};

inline constexpr size_t kMaxRooms = 9;

// Most connections are consumers that wait for events: what is here is paid for by each of them.
struct Peer : Outgoing {
  int32_t kernel_pid = 0;  // SO_PEERCRED's
  uint32_t uid = 0;
  Phase phase = Phase::handshake;
  ReadState read_state = ReadState::read;
  CloseState close_state = CloseState::stay;
  bool admitted = false;       // holds a place of max_connections
  bool administers = false;    // holds one of kAdministrativePlaces
  bool from_reserve = false;   // Supply::reserve
  bool answered = false;       // by what its connection ends with
  bool takes_part = false;     // its first frame was a hello, an event or a source_status
  bool counts = false;         // as activity, for idle exit
  bool dirty = false;          // the edge has to look at it
  bool fault_noticed = false;  // its first fault was logged
  bool loss_noticed = false;   // its first loss was logged
  bool said_bye = false;
  bool hung_up = false;  // its connection has ended, and not by the hub's doing
  uint8_t held = 0;  // Holders: not read until it has taken more of its output, or what waits has become less
  uint8_t owed = 0;  // Holders: its input has ended, and they have still something to come for it
  bool backlog = false;                   // its reader has more, for resume()
  uint32_t read_bytes = kFirstReadBytes;  // what its next read may bring
  uint64_t frames_in = 0;
  TimePoint since;  // its connection, then its hello
  TimePoint close_deadline = kNever;
  // Until when its first frame is to come, or it is closed.
  RareDeadline<Peer> act_by;
  LineReader reader;
  PoolCharge input_charge;

  // As it said in its hello.
  int64_t pid = 0;
  std::string key;  // a consumer's; of a source its name, which may be empty; of a client empty
  std::string subscription_id;
  std::vector<std::string> event_types;
  std::vector<std::string> announces;  // what it publishes, until it has joined
  bool exclusive = false;
  bool observer = false;
  std::unique_ptr<std::string> cleanup_task;  // few name one
  PoolCharge subscription_charge;
  size_t consumer_at = 0;  // its place among the consumers

  std::unique_ptr<Publisher> published;    // by this connection, from its first event on
  Publisher* published_as_name = nullptr;  // by all that have borne its name, of a named source
  std::array<std::unique_ptr<Part>, kMaxRooms> parts;

  // The process that people are told of.
  int64_t shown_pid() const { return pid != 0 ? pid : kernel_pid; }
  bool publishes() const { return phase == Phase::source || phase == Phase::anonymous; }
};

}  // namespace bus::hub
