// Ways for one process to receive a stream of events and count them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/sdk_table.h"

namespace bus::sdk_bench {

// Raw reads with a count of line ends, the C interface, the C++ interface. Each run checks that it got events
// 1 to `events`.
std::vector<Way> ways_to_read(const std::string& socket, uint64_t events, size_t payload_bytes);

}  // namespace bus::sdk_bench
