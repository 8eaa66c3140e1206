// How much something matters to whoever reads the log.
//
// The core writes no log; it says of each notice how much it matters (notices.h), and the edge writes it.
#pragma once

#include <cstdint>

namespace bus::hub {

enum class LogLevel : uint8_t { error, warning, info, debug };

}  // namespace bus::hub
