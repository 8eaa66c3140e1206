// Reads one frame of a protocol whose frames tell their own length, and not one byte beyond it: the answers
// of handshakes, where what follows belongs to the parser.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace bus::bench {

// `needed_bytes` as in FrameCutter::take. Errors: timed_out, closed; protocol when it is no frame.
Result<std::string> read_frame(int fd, size_t (*needed_bytes)(std::string_view));

}  // namespace bus::bench
