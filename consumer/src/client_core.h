// One client connection to the hub, without its descriptor: bytes in, things out (PROTOCOL.md 1, 4 and 5).
//
// Knows the handshake, the order of `seq`, the frame cap, and what to skip. Used by consumers and sources
// alike. Pure: no descriptors, no clock; it is told the time. Connecting, writing and reconnecting are
// client.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/src/client_core/hub_event.h"
#include "protocol/base/clock.h"
#include "protocol/frame.h"
#include "protocol/line_reader.h"
#include "protocol/message.h"

namespace bus::sdk {

// Why the hub does not have us.
enum class Refusal {
  rejected,  // hello_ack said so: the scope is taken
  denied,    // we may not use this hub
  busy,      // too many connections, too slow a hello: another attempt may work
  protocol,  // it is no hub of ours, or lacks a capability that we need
};

// One thing that came. Views are good until the next call of ClientCore::next() or connected().
struct Inbound {
  enum class Kind {
    welcome,  // the hub accepted our hello; `first`
    refused,  // it did not; `refusal` and `text`. Nothing comes after it
    event,    // `event`, `frame`
    lost,     // `lost_count` events between seq `lost_after` and `lost_before`; `text` when the reason is
              // unusual
    source_status,  // `status`
    error,          // `error`: the answer to a frame of ours
    check_ack,      // the answer to a pre_shutdown_check; `last`
  };
  Kind kind = Kind::event;
  bool first = false;
  bool last = false;
  Refusal refusal = Refusal::protocol;
  std::string text;
  EventLine event;
  std::string_view frame;  // without its line end, nor spaces around it
  uint64_t lost_count = 0;
  uint64_t lost_after = 0;
  uint64_t lost_before = 0;
  SourceStatus status;
  ErrorMessage error;
};

class ClientCore {
 public:
  explicit ClientCore(Hello hello);

  // A new connection: forgets the bytes and the seq of the one before. Returns the hello line to send; its
  // answer is due at `answer_due`.
  std::string connected(TimePoint answer_due);

  // The bytes of one read. They must stay in place until next() has answered nullptr.
  void receive(std::string_view chunk) { reader_.feed(chunk); }

  // The next thing, or nullptr when the chunk is used up.
  const Inbound* next();

  // Whether next() may still find something in what was received.
  bool holds_more() const { return event_waits_ || reader_.unread_bytes() > 0; }

  // When the hub's answer to hello is due; kNever when none is awaited.
  TimePoint deadline() const { return stage_ == Stage::greeting ? answer_due_ : kNever; }

  // Lines that were no frames of this protocol, and were skipped.
  uint64_t skipped() const { return skipped_; }

  const Hello& hello() const { return hello_; }

 private:
  enum class Stage { greeting, ready, refused };

  const Inbound* on_line(std::string_view line);
  const Inbound* on_greeting(std::string_view line);
  const Inbound* on_event(std::string_view frame);
  const Inbound* on_frame(const Frame& frame);
  const Inbound* on_too_long();
  const Inbound* refuse(Refusal refusal, std::string text);

  Hello hello_;
  bool wants_patterns_ = false;
  LineReader reader_;
  FrameScanner scanner_;
  HubEventReader hub_events_;
  Stage stage_ = Stage::greeting;
  TimePoint answer_due_ = kNever;
  Inbound inbound_;
  bool event_waits_ = false;   // `inbound_` holds an event that comes after the loss just reported
  uint64_t last_seq_ = 0;      // of this connection; 0: none yet
  uint64_t lost_already_ = 0;  // events after `last_seq_` that were reported as lost
  uint64_t skipped_ = 0;
};

}  // namespace bus::sdk
