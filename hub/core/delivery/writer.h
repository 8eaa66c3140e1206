// Bytes to sockets: writes what a peer's queue holds, and remembers whose socket is full.
//
// Knows nothing of turns' events (fanout.h), and not in which order peers are served (delivery.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/turn_budget.h"
#include "hub/core/delivery/outgoing.h"

namespace bus::hub {

class Writer {
 public:
  Writer(Transport& transport, TurnBudget& budget) : transport_(transport), budget_(budget) {}

  // How many bytes the socket took.
  size_t write(Outgoing& peer, std::string_view bytes);
  size_t write_shared(Outgoing& peer, const std::vector<std::string_view>& pieces, size_t bytes);

  // Writes what waits for the peer, at most what one peer gets in one turn; feeds last. Whether nothing is
  // left of its queue.
  bool write_waiting(Outgoing& peer);

  // Before anything is dropped or given up: writes what is queued to a socket that was full, in case it has
  // room by now; but once a turn, and no more than `enough` once the turn has taken long enough, since there
  // may be many such peers. Whether nothing is left of its queue, and its socket has room.
  bool ask_socket(Outgoing& peer, const std::function<bool()>& enough = {});

  void begin_turn() { ++turn_; }

 private:
  bool write_queue(Outgoing& peer, size_t most, size_t first);
  bool write_fed(Outgoing& peer);
  void write_feeds(Outgoing& peer);
  void note_write(Outgoing& peer, bool took_all);

  Transport& transport_;
  TurnBudget& budget_;
  uint64_t turn_ = 1;
  // Scratch, reused so that a write costs no allocation: what queues render, and what feeds do.
  std::string out_;
  std::string fed_;
};

}  // namespace bus::hub
