// One frame of the wire: checked whole by one scan, and where its members stand.
//
// scan/scan.h checks a line and marks its members. RapidJSON (raw_json.h) judges what that does not accept,
// and says what is wrong with it. An event is taken apart at once, into views of its line, because the hub
// forwards it and decodes nothing. Any other frame is a Frame, which decode.h decodes. No DOM, no copy of a
// payload, no allocation in steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/fault.h"
#include "protocol/raw_json.h"
#include "protocol/scan/scan.h"

namespace bus {

// A frame that is no event.
struct Frame {
  std::string_view line;            // the object, without the space around it
  std::string_view type;            // decoded; empty when there is none, or one that is no text
  std::span<const Member> members;  // all, in their order
};

// Where the members of one event stand. Views point into the line that was scanned, except that a decoded
// text with escapes in it points into `scratch`; so they are good until the line goes, or this object is
// scanned into again. Reuse one object for many lines: it keeps its capacity.
struct EventLine {
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

class SortedMembers;  // frame.cpp

enum class FrameKind {
  event,  // a valid event
  other,  // a valid JSON object with another `type`, or none: frame()
  fault,  // neither: fault()
};

// Reuse one for many lines: it keeps its buffers, and knows an event's beginning from the line before.
class FrameScanner {
 public:
  // `check` is the body of the scan that looks at lines; tests try each.
  explicit FrameScanner(scan::Scan check = scan::best()) : check_(check) {}

  // Judges `line`, one frame without its LF; spaces, tabs and CR around the object are tolerated. Fills in
  // `event` if it is one.
  //
  // Faults: bad_json   not RFC 8259, deeper than kMaxDepth, invalid UTF-8, or a NUL
  //         bad_frame  not an object; an event whose members have wrong types, stand twice, or break a limit.
  //                    event.event_id is filled in all the same when it could be read, so that the answer can
  //                    name it
  FrameKind scan(std::string_view line, EventLine& event);

  // Of the line that was scanned last. Good until the next scan, or until the line goes.
  const Frame& frame() const { return frame_; }
  const Fault& fault() const { return fault_; }

 private:
  FrameKind scan_slowly(std::string_view line, EventLine& event);
  FrameKind judge_event(EventLine& event, size_t line_bytes, const SortedMembers& sorted);
  FrameKind take_other(const Frame& frame);
  std::string_view type_of(const SortedMembers& sorted);
  FrameKind refuse(ErrorCode code, std::string message);
  std::span<const Member> marked_members(std::string_view object);
  size_t known_bytes(std::string_view object, SortedMembers& sorted) const;
  void remember(std::string_view object, const SortedMembers& sorted);

  scan::Scan check_;
  scan::Marks marks_;
  Frame frame_;
  Fault fault_;
  RawJson json_;                 // looks at what `check_` does not accept
  std::vector<Member> members_;  // frame_'s, unless they are json_'s
  std::string type_;             // frame_'s, if it does not stand in front
  // How the last event began, up to and with the comma behind its type, if it began with `type` and
  // `event_type`: many sources send many events of one type, and the same bytes need no second look.
  std::string beginning_;
  size_t beginning_type_at_ = 0;
  size_t beginning_type_bytes_ = 0;  // of the token
};

}  // namespace bus
