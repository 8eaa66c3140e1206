// The hub without its edge: bytes and time come in, frames come out.
//
// Holds every peer's protocol state, the routing tables, scopes, sources and queues, and keeps PROTOCOL.md
// sections 2 to 7. Pure: no descriptors, no clock, no log; so all of it is tested with fake peers and a
// manual clock, and fuzzed through receive(). The edge (hub/session.cpp, hub/daemon.cpp) owns the sockets and
// does what this says:
//
//   1. open() for each accepted connection, receive() for each chunk read, end_of_input() at EOF, gone() when
//      closed; flush() once a connection has been opened, and whenever its socket has room again.
//   2. After each of these, and after tick(): for every id in take_dirty(), apply read_state() and
//      close_state(), and call flush() when there is room, or in a turn of its own when has_more().
//   3. When has_backlog(), call resume() in a turn of its own instead of reading.
//   4. While is_behind(), read nothing but of due(), and call tick() instead: what was read before is still
//      to be handed out.
//   5. gone() is called by the edge alone, never from inside write(); until then an id stays valid.
//
// A turn is one entry, such as one receive(): all complete lines of a chunk are handled, and then each
// consumer is written what it gets of them, through Transport::write(), before the entry returns. Nothing is
// dropped while a socket takes more. A socket that refused bytes in a turn is not asked again in the same
// turn. A turn's work is bounded: when many consumers get what was read, the rest of the chunk is left for
// resume(), and those that have not been written to are the first of the next turn, which tick() is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/outbox.h"
#include "protocol/base/clock.h"
#include "protocol/message.h"

namespace bus::hub {

// A deadline that has always come: there is work that a turn had no time for.
inline constexpr TimePoint kAtOnce{};

using PeerId = uint64_t;  // of slots.h: never reused in a hub's life; 0 is nobody

// What one read takes at most: large enough that a flood is handled in few turns, small enough that its turn
// is short.
inline constexpr size_t kReadBytes = 256 * 1024;

// From where on a rendering is shared with sockets instead of copied into them (Transport::shared_buffer). Measured;
// tests set them lower.
struct Sharing {
  size_t consumers =
      4;  // new pages for the shared_buffer, and two system calls for each consumer, have to pay
  size_t bytes = 32 * 1024;  // of the rendering
  // On average, for pieces: each takes a reference to its page, dearer than copying a few KiB.
  size_t frame_bytes = 8192;
};

// Connections of the hub's own user and of root that are accepted beyond all limits, for a status_query or a
// shutdown and nothing else, so that a hub that is full can be inspected and stopped.
inline constexpr size_t kAdministrativePlaces = 8;
// What such a connection may make the hub hold when the pools are used up: of input, and of a
// status_response, which is cut to fit. Together they are less than 1 MiB beside the pools.
inline constexpr size_t kAdministrativeInputBytes = 4 * 1024;
inline constexpr size_t kAdministrativeReplyBytes = 64 * 1024;

// Where the descriptor of a connection came from.
enum class Supply : uint8_t {
  ample,
  reserve,  // one that the edge had kept back, because there was no other
};

inline constexpr size_t kDefaultMemory = size_t{512} * 1024 * 1024;
inline constexpr uint32_t kDefaultUidShare = 25;

struct HubConfig {
  // Named in status.
  int64_t pid = 0;
  uint32_t uid = 0;  // the hub's own: always admitted, as is root
  std::string version;
  std::string bus;
  std::string socket;

  QueueLimits queue;
  Sharing sharing;
  size_t max_connections = 4096;
  // What the hub may take in all (budget.h), at least Budget::least_memory(), and what one user, other than
  // its own and root, may take of it.
  size_t memory = kDefaultMemory;
  uint32_t uid_share_percent = kDefaultUidShare;
  Duration dedup_window = seconds(300);
  Duration cleanup_timeout = seconds(60);
  Duration idle_exit = Duration::max();  // max: never
  std::vector<uint32_t> allow_uids;
  std::vector<uint32_t> allow_gids;
  // Capabilities beside the hub's own that hello_ack names, identifiers, at most kMaxAnnounced.
  std::vector<std::string> announce;
  uint64_t hash_key[2] = {0, 0};  // random, so that nobody can make event ids collide on purpose
};

struct Credentials {
  int64_t pid = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
};

enum class ReadState : uint8_t {
  read,    // read and hand in
  paused,  // read nothing now: its hello waits for a clean-up lock, or the hub stops
  ended,   // what may still come is to be ignored: discard it before closing, so that the peer sees EOF. From
  // the other two the peer must see that something was left unread (ECONNRESET): it was not processed
};

enum class CloseState : uint8_t {
  stay,
  close_when_flushed,  // everything in its outbox is still to be written (bounded by close_deadline)
  close_now,
};

// Something for the log. `text` is untrusted where it comes from a peer.
struct Notice {
  enum class Kind {
    joined,        // text: "consumer KEY" / "source NAME"
    left,          // text: why, with its counts
    refused_peer,  // denied, too_many, rejected, timeout: text is the reason
    odd_member,    // a hello has a member that looks like a slip for one that is defined; text: both
    fault,         // the first frame of a connection that was answered with `error`; text: code and message
    cleanup_timeout,  // a lock holder was closed
    uncleaned,        // a scope ended, and nobody in it was told to clean up
    slow_consumer,    // the first event of a connection that was dropped
    slow_close,       // a control reply was not written in time, or too many were left unread
    evicted,          // closed to get back the memory of a frame that was partly written
    out_of_memory,    // a pool was used up for the first time; text: which
    stop_requested,
  };
  Kind kind;
  PeerId peer = 0;
  int64_t pid = 0;
  std::string text;
};

// What only the edge knows of the process; for status.
struct ProcessStats {
  uint64_t resident_bytes = 0;
  StatusResponse::Callbacks callbacks;
};

// What the core asks of whoever owns the sockets.
class Transport {
 public:
  virtual ~Transport() = default;
  // Writes to the peer's socket what it takes now of `bytes`, and returns how many it took; fewer than all
  // means that it refuses, or is broken. Must not call back into the core.
  virtual size_t write(PeerId peer, std::string_view bytes) noexcept = 0;

  // Writing without a copy, for what many peers get. Memory of `bytes` bytes that nobody has been given yet;
  // nullptr when the edge cannot share memory with sockets. What is given stays in sockets as it is until it
  // is read: from the first send_shared() on, nobody may write to what was given. It stays while somebody holds it.
  virtual std::shared_ptr<char> shared_buffer(size_t bytes) noexcept = 0;
  // As write(), of pieces that stand in the shared_buffer: the socket refers to them.
  virtual size_t send_shared(PeerId peer, const std::vector<std::string_view>& pieces) noexcept = 0;

  // Whether this turn has taken so long that others should have theirs. Asked between writes.
  virtual bool turn_is_over() noexcept { return false; }

  virtual ProcessStats process_stats() noexcept { return {}; }
};

// The hub in three numbers.
struct Summary {
  size_t consumers = 0;
  size_t sources = 0;  // those without a name too
  uint64_t dropped = 0;
};

class HubCore {
 public:
  HubCore(HubConfig config, Transport& edge, TimePoint start);
  ~HubCore();
  HubCore(const HubCore&) = delete;
  HubCore& operator=(const HubCore&) = delete;

  // A connection was accepted; write() for it may be called from the next entry on. One that is not admitted
  // (denied, too_many) has its answer queued and is to be closed.
  PeerId open(const Credentials& credentials, TimePoint now, Supply supply = Supply::ample);
  // The bytes of one read(); they may go when this returns.
  void receive(PeerId peer, std::string_view chunk, TimePoint now);
  // read() returned 0: no more requests. A consumer goes on receiving; everyone else is closed when flushed.
  void end_of_input(PeerId peer, TimePoint now);
  // How much the next read for this peer may bring.
  size_t read_bytes(PeerId peer) const;
  // Whether consumers wait for what earlier turns had no time to write.
  bool is_behind() const;
  // Whether something that was handed in is still to be handled, and handles it.
  bool has_backlog(PeerId peer) const;
  void resume(PeerId peer, TimePoint now);
  // The connection is closed; forgets the peer and everything it held.
  void gone(PeerId peer, TimePoint now);

  // Writes what waits for the peer.
  void flush(PeerId peer);

  // Ids of peers that the edge has to look at since the last call, each once: read_state or close_state changed, or
  // something waits, or waits no longer. Good until the next call.
  const std::vector<PeerId>& take_dirty();
  const Outbox& outbox(PeerId peer) const;
  // Whether something waits for the peer although its socket did not refuse it.
  bool has_more(PeerId peer) const;
  ReadState read_state(PeerId peer) const;
  CloseState close_state(PeerId peer) const;
  // Whether a peer that is to be closed when flushed was told why, or what it asked for: it should have the
  // time to read that, although it may be still writing.
  bool closes_with_answer(PeerId peer) const;
  // When a peer that is to be closed when flushed is closed anyway; kNever for the others.
  TimePoint close_deadline(PeerId peer) const;

  // Deadlines: when next_deadline() has come, the edge first reads the sockets of due(), and then calls
  // tick() with them, which judges. So a hub that was starved drops nobody who met his deadline. A few at a
  // time: while there are more, next_deadline() has come still. It is kAtOnce while a turn has left work.
  TimePoint next_deadline();
  std::vector<PeerId> due(TimePoint now) const;
  void tick(TimePoint now, const std::vector<PeerId>& due);

  // True once a client asked for `shutdown`.
  bool stop_requested() const;
  // No new connections will come: every peer is closed when flushed, at most until `deadline`. Consumers are
  // told `farewell` first, by an error `busy`, unless it is empty.
  void begin_stop(TimePoint deadline, std::string_view farewell = {});
  // Whether the hub may exit for lack of use: idle_exit has passed since the last connection that counts
  // ended.
  bool idle(TimePoint now) const;

  std::vector<Notice> take_notices();
  StatusResponse status(TimePoint now) const;
  // Looks at each connection; changes() costs nothing, and is another number whenever the summary is another.
  Summary summary() const;
  uint64_t changes() const;
  size_t peer_count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bus::hub
