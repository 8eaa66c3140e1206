// Any line to one of the wire's messages, and back: for tests that look at whatever comes.
//
// Over protocol/decode.h, encode.h and frame.h. Programs decode the one type that they ask for; and none of them
// decodes an event into values of its own, as Event is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/decode.h"
#include "protocol/encode.h"
#include "protocol/messages/control.h"
#include "protocol/messages/error.h"
#include "protocol/messages/hello.h"
#include "protocol/messages/interest.h"
#include "protocol/messages/pre_shutdown.h"
#include "protocol/messages/source_status.h"
#include "protocol/messages/status.h"
#include "tests/support/status_response.h"

namespace bus::test {

struct Event {
  std::string event_type;
  std::string event_id;
  std::string source_time;
  std::optional<uint64_t> seq;
  // Members that the wire does not define, in the order they came: decoded name, raw value.
  std::vector<std::pair<std::string, std::string>> others;
  std::string payload = "null";
  bool operator==(const Event&) const = default;
};

using Message = std::variant<Hello, HelloAck, Event, SourceStatus, PreShutdownCheck, PreShutdownAck,
                             StatusQuery, StatusResponse, InterestMessage, Bye, Shutdown, ErrorMessage>;
using Decoded = std::variant<Message, Fault>;

// One frame without its LF.
Decoded decode(std::string_view line);

// One line with its LF.
std::string encode(const Event& event);
std::string encode(const Message& message);

}  // namespace bus::test
