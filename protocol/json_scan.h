// The one function that an event line goes through: checks the whole line and returns where its members
// stand.
//
// No DOM, no copy of the payload, no allocation in steady state. A line that scan/scan.h accepts has been
// checked with that; all others are judged by raw_json.h, which also says what is wrong with them. The
// messages that are not events are decoded by codec.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.h"
#include "protocol/message.h"
#include "protocol/raw_json.h"
#include "protocol/scan/scan.h"

namespace bus {

// Where the members of one event line stand. Views point into the line that was scanned, except that a
// decoded text with escapes in it points into `scratch`; so they are good until the line goes, or this object
// is scanned into again. Reuse one object for many lines: it keeps its capacity.
struct EventLine {
  using Member = RawJson::Child;  // name_token and value_token

  std::string_view event_type;  // decoded; a valid identifier
  std::string_view event_id;    // decoded; empty when absent, null or ""
  // Raw tokens, strings with their quotes; empty when absent, null or "".
  std::string_view event_type_token;
  std::string_view event_id_token;
  std::string_view source_time_token;
  std::string_view payload_token;  // raw JSON; "null" when absent
  std::optional<uint64_t> seq;
  std::vector<Member> others;  // members that the wire does not define, in their order

  RawJson json;  // Scan::other: all members in their order

  // The scanner's own.
  scan::Scan check = scan::best();
  scan::Marks marks;
  // The beginning of the last event, up to and with the comma behind its type, if it was `type` and
  // `event_type`: many sources send many events of one type, and the same bytes need no second look.
  std::string known;
  size_t known_type_at = 0;
  size_t known_type_bytes = 0;  // of the token
  std::string scratch;          // backing store of decoded texts
};

enum class Scan {
  event,  // a valid event line; `event` is filled in
  other,  // a valid JSON object with another, or no, string `type`; let codec.h decode it
  fault,  // neither; `fault` says why
};

// Judges `line`, one frame without its LF (spaces, tabs and CR around the object are tolerated).
//
// Faults: bad_json   not RFC 8259, deeper than kMaxDepth, invalid UTF-8, or a NUL
//         bad_frame  not an object; an event whose members have wrong types, stand twice, or break a limit.
//                    event.event_id is filled in all the same when it could be read, so that the answer can name it
Scan scan_event(std::string_view line, EventLine& event, Fault& fault);

// Checks that `text` is one JSON value and nothing else, by the same rules as inside a frame, where it is one
// level deeper. Returns the fault's message, or nothing when it is fine.
std::optional<std::string> json_fault(std::string_view text);

}  // namespace bus
