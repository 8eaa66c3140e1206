// A frame: one encoded line, immutable, shared by every queue that holds it.
//
// An event's bytes are the same for all its consumers but for the digits of `seq`; so the frame is encoded
// once, without them, and remembers where they go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace bus::hub {

struct Frame {
  std::string bytes;  // one line with its LF; for an event without `,"seq":N`
  size_t seq_at = 0;  // where `,"seq":N` is inserted; 0: this frame has no seq
};

using FramePtr = std::shared_ptr<const Frame>;

}  // namespace bus::hub
