// One call, as a command line or a line of bus-call --lines asks for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "busd/calls.h"

namespace bus::cli {

// Text of the library's C face.
inline std::string_view view_of(busd_text text) { return {text.data, text.length}; }
inline busd_text c_text(std::string_view text) { return {text.data(), text.size()}; }

struct CallRequest {
  std::string task;
  std::string args;        // raw JSON; empty: null
  int64_t timeout_ms = 0;  // as in busd_call_options: 0 means 60 s, BUSD_FOREVER no deadline
  bool wait = false;
  bool stream = false;
  bool idempotent = false;
  std::string to;
  std::string reply_event;
  std::string members;  // further ones, as inside the braces of a JSON object
};

// What the library takes; its texts are those of `request`.
busd_call_options options_of(const CallRequest& request);

}  // namespace bus::cli
