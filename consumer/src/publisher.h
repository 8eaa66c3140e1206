// What a connection publishes: its frames on their way to the hub, and what is known about their fate.
//
// Builds frames, keeps those that wait for a connection, and puts answers of the hub down to publications.
// Decides when to send, but never waits: that is connection.h.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "busd/consumer.h"
#include "consumer/src/api_result.h"
#include "consumer/src/barrier.h"
#include "consumer/src/client_core/item.h"
#include "consumer/src/frame_ledger.h"
#include "consumer/src/publish_frame.h"
#include "consumer/src/session.h"
#include "protocol/messages/source_status.h"

namespace bus::sdk {

struct PublisherOptions {
  size_t buffer_bytes = 262'144;
  size_t hold_bytes = 0;
  Syntax syntax = Syntax::left_to_hub;
};

class Publisher {
 public:
  Publisher(Session& session, PublisherOptions options)
      : session_(session), options_(options), builder_(options.syntax), barrier_(session.hello()) {}

  // The number of the next publication.
  uint64_t take_number() {
    was_used_ = true;
    return ++last_number_;
  }
  // Queues an event, on the connection or for the next one. Returns what is wrong with it, or nothing.
  std::optional<std::string> add(const busd_publication& what, uint64_t number);
  std::optional<std::string> add(std::string_view frame, uint64_t number);
  std::optional<std::string> add(SourceState state, std::string_view detail);
  // Queues a frame that is no publication on the connection, which must be up. Returns its ordinal there.
  uint64_t add_control(std::string_view frame);

  // Whether enough waits, by the options, that it is to be sent now; or so much that nothing more is to be
  // added.
  bool send_is_due() const;
  // `more_bytes` wait elsewhere for a connection.
  bool is_full(size_t more_bytes) const { return waiting_bytes() + more_bytes > options_.buffer_bytes; }
  // Bytes that no socket has taken.
  size_t waiting_bytes() const { return transport().pending_bytes() + backlog_bytes_; }
  // Whether something waits that nobody but us will send: the socket has not refused it.
  bool holds_back() const {
    return session_.up() && transport().pending_bytes() > 0 && !transport().blocked();
  }
  // Whether most of a stream that is held back may go on without a look at anything.
  bool may_hold() const { return session_.up() && transport().pending_bytes() < options_.hold_bytes; }
  // Sends what the socket takes. Returns whether it is time to look for answers of the hub.
  bool send();

  // Asks the hub to confirm all that was queued; and the same when the ledger has grown long.
  void ask();
  void bound_ledger();
  bool has_asked() const { return barrier_.is_open() && barrier_.last() == ledger_.frames(); }
  bool all_confirmed() const { return ledger_.confirmed() == ledger_.frames(); }
  // Whether the connection has frames whose fate is still to be told.
  bool has_frames() const { return ledger_.frames() > 0; }
  // Whether anything was published, or said of a call.
  bool was_used() const { return was_used_; }

  // Looks at what the session gave. Completes items of the user's; returns false for an answer of our own.
  bool on_item(Item& item);
  // The connection is gone: what the hub cannot have seen whole waits for the next one. Returns how many
  // publications are of unknown fate.
  uint64_t on_break();
  // There is a connection again, and the hub has answered our hello.
  void on_reset();

  // How many were refused since this was last asked.
  uint64_t take_refused() { return std::exchange(refused_, 0); }

 private:
  // A frame that waits for a connection. `number` 0: a status.
  struct Waiting {
    std::string frame;
    uint64_t number;
  };

  template <class Write>
  std::optional<std::string> enqueue(Write write, uint64_t number);
  void keep(std::string_view frame, uint64_t number);
  void queue_now(std::string_view frame, uint64_t number);
  void queued(uint64_t number);
  Transport& transport() { return session_.transport(); }
  const Transport& transport() const { return session_.transport(); }

  Session& session_;
  PublisherOptions options_;
  FrameBuilder builder_;
  FrameLedger ledger_;
  Barrier barrier_;
  std::list<Waiting> backlog_;  // while there is no connection
  size_t backlog_bytes_ = 0;
  uint64_t last_number_ = 0;
  bool was_used_ = false;
  std::string last_status_;  // the frame; empty: no state was reported, or the one that a hello brings
  uint64_t refused_ = 0;
  uint64_t read_after_ = 0;  // sent_bytes() at which it is time to look for answers again
  size_t asked_at_ = 0;      // pending_bytes() when a blocked socket was last asked
  TimePoint asked_time_ = TimePoint();
};

}  // namespace bus::sdk
