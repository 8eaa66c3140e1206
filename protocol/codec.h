// Lines to messages and back (PROTOCOL.md 3).
//
// For every message of the wire, in both directions; the hub's path for events does not come here but goes by
// frame.h, because it must not decode what it only forwards.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "protocol/frame.h"
#include "protocol/message.h"

namespace bus {

using Decoded = std::variant<Message, Fault>;

// Decodes one frame without its LF. Unknown members are ignored (an event's are kept); a known member that
// stands twice or has the wrong type is a fault; null for a known member means absent, except for an event's
// payload.
//
// Faults: bad_json      not JSON by PROTOCOL.md 2
//         bad_frame     JSON, but not a well-formed message; the message names the member
//         unknown_type  a well-formed object whose `type` is none of ours
Decoded decode(std::string_view line);
Decoded decode(const Frame& frame);

// Encodes as one line with its LF: members in the order of PROTOCOL.md 3, no spaces, optional ones only when
// set.
std::string encode(const Message& message);

// encode() of a status_response, cut to at most `max_bytes`: consumers are left out from the end, then
// sources, then the rest of the lists, and `truncated` is set.
std::string encode_within(StatusResponse response, size_t max_bytes);

// An event frame without `seq`, as a source sends it: payload and `others` are raw JSON that the caller has
// checked; line ends in them, which JSON allows between tokens, become spaces.
std::string encode_publish(const Event& event);

}  // namespace bus
