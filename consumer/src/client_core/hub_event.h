// Event frames in the very form in which a hub writes them, read from their two ends (PROTOCOL.md 5):
//
//   {"type":"event","event_type":"…"[,"event_id":"…"][,"source_time":"…"],"seq":N,"payload":…}
//
// A hub has checked each byte of an event before it sends it on (PROTOCOL.md 2), so a second check, which
// costs several times what reading the bytes does, buys nothing. Of a frame that begins and ends exactly so,
// the members before the payload are taken, and the payload is what is left: that it is one JSON value, and
// that the texts are UTF-8, is the hub's word. Everything else, such as a space, an escape before the
// payload, another order, or members of the source's own, is left to FrameScanner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/frame.h"

namespace bus::sdk {

class HubEventReader {
 public:
  // Whether `line` (without its LF) has that form; then `event` is filled in as FrameScanner would do it, but
  // for the scanner's own members. Else `event` is untouched. Of the payload only the ends are looked at.
  // Views point into `line`.
  bool read(std::string_view line, EventLine& event);

 private:
  void expect_next(std::string_view head, const EventLine& event);
  void count_up();

  // How the next frame begins when it differs from the last one in nothing but its payload and a seq higher
  // by one, as in a stream without ids; empty: the next one is to be read. One comparison then replaces the
  // reading.
  std::string expected_;
  size_t seq_end_ = 0;     // of its digits
  size_t type_bytes_ = 0;  // of its event_type, quotes included
  uint64_t seq_ = 0;
};

}  // namespace bus::sdk
