// What consumers get of an event, made from the line that its source sent (PROTOCOL.md 5, "What is
// forwarded").
//
// Part of the model (model.h). The line is known to be good (protocol/frame.h); this cuts it into its members
// by itself, because the bytes of each have to be the ones that came.
#pragma once

#include <string>
#include <string_view>

namespace bus::test {

struct ModelEvent {
  std::string head;  // up to where `,"seq":N` goes
  std::string tail;  // behind it, with the LF

  // Bytes of the frame with the largest seq that there is.
  size_t most_bytes() const;
  std::string with_seq(uint64_t seq) const;
};

ModelEvent model_event(std::string_view line);

// The event_id of a line that is JSON, and an event, but perhaps a bad one: decoded, or empty.
std::string model_event_id(std::string_view line);

}  // namespace bus::test
