// From a line to what handles it.
//
// An event goes straight to its room. hello, bye and shutdown are the connection's own. Any other frame goes to the
// room that has a rule for its type, if the rule allows it in the peer's phase. A fault is answered here.
#pragma once

#include <string_view>

#include "hub/core/peers/admission.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/handshake.h"
#include "hub/core/peers/input.h"
#include "hub/core/peers/peers.h"
#include "hub/core/rooms.h"
#include "protocol/frame.h"

namespace bus::hub {

class Dispatch final : public Input::Handler {
 public:
  Dispatch(Admission& admission, Peers& peers, Closing& closing, Handshake& handshake, Rooms& rooms)
      : admission_(admission), peers_(peers), closing_(closing), handshake_(handshake), rooms_(rooms) {}

  void handle_line(Peer& peer, std::string_view line, bool stays, TimePoint now) override;
  // True once a client asked for `shutdown`.
  bool stop_requested() const { return stop_requested_; }

 private:
  bool find_place(Peer& peer, TimePoint now);
  void handle_frame(Peer& peer, const Frame& frame, TimePoint now);
  Answer to_connection_or_room(Peer& peer, const Frame& frame, TimePoint now);
  Answer to_room(Peer& peer, const Frame& frame, TimePoint now);
  void note_odd_member(const Peer& peer);

  Admission& admission_;
  Peers& peers_;
  Closing& closing_;
  Handshake& handshake_;
  Rooms& rooms_;
  bool stop_requested_ = false;

  // Scratch, reused so that an event costs no allocation.
  FrameScanner scanner_;
  EventLine event_;  // the event that was scanned last
};

}  // namespace bus::hub
