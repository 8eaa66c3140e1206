// The hub without its edge: bytes and time come in, frames come out.
//
// Holds every peer's protocol state, the routing tables, scopes, sources and queues, and keeps PROTOCOL.md
// sections 2 to 7. Pure: no descriptors, no clock, no log; so all of it is tested with fake peers and a
// manual clock, and fuzzed through receive(). The edge (hub/session.cpp, hub/daemon.cpp) owns the sockets and
// does what this says:
//
//   1. open() for each accepted connection, receive() for each chunk read, end_of_input() at EOF, gone() when
//      closed; flush() once a connection has been opened, and whenever its socket has room again.
//   2. After each of these, and after tick(), unless the turn is still open: for every id in take_dirty(), do
//      what wants() says: read or not, close, and call flush() when there is room, or in a turn of its own when
//      has_more.
//   3. When there is a backlog, call resume() in a turn of its own instead of reading.
//   4. While is_behind(), read nothing but of due(), and call tick() instead: what was read before is still
//      to be handed out.
//   5. gone() is called by the edge alone, never from inside write(); until then an id stays valid.
//
// A turn is one entry, or several. All complete lines of a chunk are handled, and at the end of the turn each peer
// is written what it gets of them, through Transport::write(). Events end the turn of the receive() that brought
// them. Without events, receive(), resume() and values_committed() leave the turn open: the edge may hand in what
// else is ready, and then calls end_turn(). So what many connections ask at once is one batch for the store, and
// is answered together. Any other entry ends the turn as well.
//
// Nothing is dropped while a socket takes more. A socket that refused bytes in a turn is not asked again in the
// same turn. A turn's work is bounded: when many consumers get what was read, the rest of the chunk is left for
// resume(), and those that have not been written to are the first of the next turn, which tick() is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/notices.h"
#include "hub/core/delivery/delivery.h"
#include "hub/core/dispatch.h"
#include "hub/core/peers/admission.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/handshake.h"
#include "hub/core/peers/input.h"
#include "hub/core/peers/peers.h"
#include "hub/core/rooms.h"
#include "hub/core/values/value_keeper.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "protocol/messages/status.h"

namespace bus::hub {

// A deadline that has always come: there is work that a turn had no time for.
inline constexpr TimePoint kAtOnce{};

// Where the descriptor of a connection came from.
enum class Supply : uint8_t {
  ample,
  reserve,  // one that the edge had kept back, because there was no other
};

// What the edge has to do for a peer.
struct Wants {
  ReadState read = ReadState::read;
  size_t read_bytes = 0;     // how much the next read may bring
  bool has_backlog = false;  // something that was handed in is still to be handled: resume()
  bool has_output = false;   // something waits for its socket
  bool has_more = false;     // something waits although its socket did not refuse it: flush()
  CloseState close = CloseState::stay;
  // A peer that is to be closed when flushed was told why, or what it asked for: it should have the time to
  // read that, although it may be still writing.
  bool closes_with_answer = false;
  // When a peer that is to be closed when flushed is closed anyway; kNever for the others.
  TimePoint close_deadline = kNever;
};

class HubCore {
 public:
  // `more_rooms`: beside those of the hub, which are in rooms.cpp.
  HubCore(HubConfig config, Transport& transport, TimePoint start, std::span<const MakeRoom> more_rooms = {});
  HubCore(const HubCore&) = delete;
  HubCore& operator=(const HubCore&) = delete;

  // What is kept of values, and by whom: once, before the first open(), or nothing is kept. The keeper outlives this.
  void keep_values(ValueKeeper& keeper, KeptValues kept);
  // What became of what the keeper was given. The first leaves the turn open.
  void values_committed(uint64_t batch, TimePoint now);
  void values_failed(const Error& reason, TimePoint now);

  // A connection was accepted; write() for it may be called from the next entry on. One that is not admitted
  // (denied, too_many) has its answer queued and is to be closed.
  PeerId open(const Credentials& credentials, TimePoint now, Supply supply = Supply::ample);
  // The bytes of one read(); they may go when this returns, though the turn may be open.
  void receive(PeerId id, std::string_view chunk, TimePoint now);
  // read() returned 0: no more requests. A consumer goes on receiving; everyone else is closed when flushed.
  void end_of_input(PeerId id, TimePoint now);
  // Whether consumers wait for what earlier turns had no time to write.
  bool is_behind() const { return delivery_.is_behind(); }
  // Handles what was handed in and is still to be handled; may leave the turn open.
  void resume(PeerId id, TimePoint now);
  // Whether something is still to be written, which end_turn() does.
  bool turn_is_open() const { return turn_is_open_; }
  void end_turn(TimePoint now);
  // The connection is closed; forgets the peer and everything it held.
  void gone(PeerId id, TimePoint now);

  // Writes what waits for the peer.
  void flush(PeerId peer, TimePoint now);

  // Ids of peers that the edge has to look at since the last call, each once: what it
  // wants has changed. Good until the next call.
  const std::vector<PeerId>& take_dirty() { return peers_.take_dirty(); }
  const Outbox& outbox(PeerId peer) const;
  Wants wants(PeerId id) const;

  // Deadlines: when next_deadline() has come, the edge first reads the sockets of due(), and then calls
  // tick() with them, which expires them. So a hub that was starved drops no peer that met its deadline. A
  // few at a time: while there are more, next_deadline() has come still. It is kAtOnce while a turn has left
  // work.
  TimePoint next_deadline();
  std::vector<PeerId> due(TimePoint now) const { return deadlines_.due(now); }
  void tick(TimePoint now, const std::vector<PeerId>& due);

  // True once a client asked for `shutdown`.
  bool stop_requested() const { return dispatch_.stop_requested(); }
  // No new connections will come: every peer is closed when flushed, at most until `deadline`. Consumers are
  // told `farewell` first, by an error `busy`, unless it is empty.
  void begin_stop(TimePoint deadline, std::string_view farewell = {});
  // Whether the hub may exit for lack of use: idle_exit has passed since the last connection that counts
  // ended.
  bool idle(TimePoint now) const;

  std::vector<Notice> take_notices() { return notices_.take(); }
  // What a status_query would be answered, whole.
  std::string status(StatusFormat format, TimePoint now) const;
  // Looks at each connection; changes() costs nothing, and is another number whenever the summary is another.
  Summary summary() const { return peers_.summary(); }
  uint64_t changes() const { return peers_.changes(); }
  size_t peer_count() const { return peers_.size(); }

 private:
  void end_or_leave_open(TimePoint now);
  void begin_values(ValueKeeper* keeper, KeptValues kept);

  const HubConfig config_;
  Ledger ledger_;
  Notices notices_;
  Deadlines deadlines_;
  TurnBudget turn_;
  Admission admission_;
  Publishers publishers_;
  Peers peers_;
  Closing closing_;
  Delivery delivery_;
  Dispatch dispatch_;
  Input input_;
  Handshake handshake_;
  Hub hub_;
  Rooms rooms_;
  bool values_began_ = false;
  bool turn_is_open_ = false;
};

}  // namespace bus::hub
