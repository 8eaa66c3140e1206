// The one function that an event line goes through: checks the whole line and returns where its members stand.
//
// No DOM, no copy of the payload, no allocation in steady state. Everything that reads untrusted JSON by bytes is behind
// this header; the messages that are not events are decoded by codec.h, which uses the same checks.
// Today it is RapidJSON's SAX reader (iterative, encoding checked, depth limited); a faster scanner may replace the body
// without any caller noticing, as long as verdicts and spans stay the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.h"

namespace bus {

// Where the members of one event line stand. Views point into the line that was scanned, except that a decoded text
// with escapes in it points into `scratch`; so they are good until the line goes, or this object is scanned into again.
// Reuse one object for many lines: it keeps its capacity.
struct EventLine {
  struct Member {
    std::string_view name_token;   // with its quotes, as on the wire
    std::string_view value_token;  // raw JSON
  };

  std::string_view event_type;  // decoded; a valid identifier
  std::string_view event_id;    // decoded; empty when absent, null or ""
  // Raw tokens, strings with their quotes; empty when absent, null or "".
  std::string_view event_type_token;
  std::string_view event_id_token;
  std::string_view source_time_token;
  std::string_view payload_token;  // raw JSON; "null" when absent
  std::optional<uint64_t> seq;
  std::vector<Member> others;  // members that the wire does not define, in their order

  std::string scratch;  // backing store of decoded texts
};

enum class Scan {
  event,  // a valid event line; `event` is filled in
  other,  // a valid JSON object with another, or no, string `type`; let codec.h decode it
  fault,  // neither; `fault` says why
};

// Judges `line`, one frame without its LF (spaces, tabs and CR around the object are tolerated).
//
// Faults: bad_json   not RFC 8259, deeper than kMaxDepth, invalid UTF-8, a NUL, or a number beyond ±1e308…
//         bad_frame  not an object; an event whose members have wrong types, stand twice, or break a limit
Scan scan_event(std::string_view line, EventLine& event, Fault& fault);

// Checks that `text` is one JSON value and nothing else, by the same rules as inside a frame.
// Returns the fault's message, or nothing when it is fine.
std::optional<std::string> json_fault(std::string_view text);

// The text that the JSON string token `token` (with its quotes, already checked) stands for.
std::string decode_json_string(std::string_view token);

// Appends `text` as a JSON string token with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace bus
