// Where bus-serve sends the answers to requests: the connection to the hub.
//
// The library blocks while more waits to be sent than its buffer holds. A hub that does not read must not hold up
// the end of commands: so that parts of streams never fill the buffer, the hub is asked every 2 MiB whether it has
// come so far (bus.sync), and beyond 8 MiB without an answer no part is sent.
#pragma once

#include <cstdint>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/serve_reply.h"

namespace bus::cli {

class ServeAnswers {
 public:
  explicit ServeAnswers(busd_connection* connection) : connection_(connection) {}

  // Ends the request. A result that fits no frame, or is nested too deeply for one, becomes an error.
  void send(uint64_t request, const ServeReply& reply);
  // Passes the request on to another provider.
  void decline(uint64_t request) { busd_request_decline(connection_, request, nullptr); }

  enum class Part { sent, later, ended, refused };
  // Sends a part of a stream. `later`: its reader, or the hub, does not keep up, send it again. `ended`: the request has.
  // `refused`: the part fits no frame, and `why` is the answer to say so.
  Part send_part(uint64_t request, const ServeReply& part, ServeReply& why);

  // A call of this connection has ended: perhaps the question to the hub.
  void on_call_end(uint64_t call);

  uint64_t failed() const { return failed_; }

 private:
  void fail(uint64_t request, const ServeReply& reply);

  busd_connection* connection_;
  void note_sent(size_t bytes);

  uint64_t failed_ = 0;
  size_t unconfirmed_bytes_ = 0;  // of parts
  uint64_t question_ = 0;         // the call; 0: none is open
  size_t asked_bytes_ = 0;        // confirmed by its answer
};

}  // namespace bus::cli
