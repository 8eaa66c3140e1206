// Where bus-serve sends the answers to requests: the connection to the hub.
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
  // Sends a part of a stream. `later`: its reader does not keep up, send it again. `ended`: the request has.
  // `refused`: the part fits no frame, and `why` is the answer to say so.
  Part send_part(uint64_t request, const ServeReply& part, ServeReply& why);

  uint64_t answered() const { return answered_; }
  uint64_t failed() const { return failed_; }

 private:
  void fail(uint64_t request, const ServeReply& reply);

  busd_connection* connection_;
  uint64_t answered_ = 0;
  uint64_t failed_ = 0;  // of these
};

}  // namespace bus::cli
