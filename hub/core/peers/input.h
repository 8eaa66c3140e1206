// What peers send: chunks are cut into lines, which are handed on one by one; what a turn has no time for
// waits.
//
// Charges what it holds, and refuses a line that there is no memory for. Knows no messages.
#pragma once

#include <span>
#include <string_view>

#include "hub/core/base/turn_budget.h"
#include "hub/core/peers/admission.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"

namespace bus::hub {

class Room;

class Input {
 public:
  class Handler {
   public:
    // `stays`: the line, and its LF, stay in place until the turn ends.
    virtual void handle_line(Peer& peer, std::string_view line, bool stays, TimePoint now) = 0;

   protected:
    ~Handler() = default;
  };

  Input(Ledger& ledger, TurnBudget& turn, Admission& admission, Peers& peers, Closing& closing,
        Handler& handler)
      : ledger_(ledger),
        turn_(turn),
        admission_(admission),
        peers_(peers),
        closing_(closing),
        handler_(handler) {}
  // The rooms are told when a peer's input ends. Once, before anything is read.
  void begin(std::span<Room* const> rooms) { rooms_ = rooms; }

  // The bytes of one read().
  void receive(Peer& peer, std::string_view chunk, TimePoint now);
  // Goes on with what was deferred, or kept while the peer's hello waited.
  void resume(Peer& peer, TimePoint now);
  // Its input has ended.
  void end(Peer& peer, TimePoint now);

 private:
  void read_lines(Peer& peer, std::string_view chunk, TimePoint now);
  bool defer(Peer& peer);
  static void adapt_reads(Peer& peer, size_t chunk);
  static void charge(Peer& peer);
  void refuse_unfinished(Peer& peer, TimePoint now);

  Ledger& ledger_;
  TurnBudget& turn_;
  Admission& admission_;
  Peers& peers_;
  Closing& closing_;
  Handler& handler_;
  std::span<Room* const> rooms_;
};

}  // namespace bus::hub
