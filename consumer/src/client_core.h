// One client connection to the hub, without its descriptor: bytes in, items out (PROTOCOL.md 1, 4 and 5).
//
// Knows the handshake, the order of `seq`, the frame cap, and what to skip. Pure: no descriptors, no clock;
// it is told the time. Connecting, writing and reconnecting are session.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/src/client_core/hub_event.h"
#include "consumer/src/client_core/item.h"
#include "protocol/base/clock.h"
#include "protocol/frame.h"
#include "protocol/line_reader.h"
#include "protocol/messages/hello.h"

namespace bus::sdk {

class ClientCore {
 public:
  explicit ClientCore(Hello hello);

  // A new connection: forgets the bytes and the seq of the one before. Returns the hello line to send; its
  // answer is due at `answer_due`.
  std::string connected(TimePoint answer_due);

  // The bytes of one read. They must stay in place until next() has answered nullptr.
  void receive(std::string_view chunk) { reader_.feed(chunk); }

  // The next item, or nullptr when the chunk is used up. Good until the next call of this or of connected().
  Item* next();

  // Whether next() may still find something in what was received.
  bool holds_more() const { return event_waits_ || reader_.unread_bytes() > 0; }

  // When the hub's answer to hello is due; kNever when none is awaited.
  TimePoint deadline() const { return stage_ == Stage::greeting ? answer_due_ : kNever; }

  // Lines that were no frames of this protocol, and were skipped.
  uint64_t skipped() const { return skipped_; }

  const Hello& hello() const { return hello_; }

 private:
  enum class Stage { greeting, ready, turned_away };

  Item* on_line(std::string_view line);
  Item* on_greeting(std::string_view line);
  Item* on_hello_ack(const HelloAck& ack);
  Item* on_event(std::string_view frame);
  Item* on_frame(const Frame& frame);
  template <class T>
  Item* on_call(const Frame& frame, ItemKind kind);
  Item* on_value(const Frame& frame);
  Item* on_synced(const Frame& frame);
  Item* skip();
  Item* on_too_long();
  Item* turn_away(TurnedAway why, std::string text);

  Hello hello_;
  bool wants_patterns_ = false;
  LineReader reader_;
  FrameScanner scanner_;
  HubEventReader hub_events_;
  Stage stage_ = Stage::greeting;
  TimePoint answer_due_ = kNever;
  Item item_;
  EventLine event_;
  bool event_waits_ = false;   // `item_` holds an event that comes after the loss just reported
  uint64_t last_seq_ = 0;      // of this connection; 0: none yet
  uint64_t lost_already_ = 0;  // events after `last_seq_` that were reported as lost
  uint64_t skipped_ = 0;
};

}  // namespace bus::sdk
