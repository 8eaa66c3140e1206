// One line of bus-call --lines: {"id":…,"task":…,"args":…}, and the other members of a request. Pure.
#pragma once

#include <string>
#include <string_view>

#include "consumer/cli/call_request.h"
#include "protocol/raw_json.h"

namespace bus::cli {

struct CallLine {
  std::string id = "null";  // raw JSON, a string or a number; null: none could be read
  CallRequest request;
  std::string fault;  // what is wrong, as "what is wrong; what to do"; empty: nothing
};

// Reads lines, which need not be JSON. Keeps its buffers from one to the next.
class CallLineParser {
 public:
  // `defaults` holds for what lines do not say.
  explicit CallLineParser(const CallRequest& defaults) : defaults_(defaults) {}

  CallLine parse(std::string_view text);

 private:
  std::string take(const Member& member, CallLine& line);

  CallRequest defaults_;
  RawJson json_;
};

}  // namespace bus::cli
