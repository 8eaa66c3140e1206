// Ways for one process to publish a stream of events until the hub has confirmed them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/sdk_table.h"

namespace bus::sdk_bench {

// Raw writes of ready lines, the SDK given ready frames, the SDK given types and payloads, and the same with
// the check of payloads; `hold_bytes` go with one write, 0: each event with a write of its own. Each run
// checks that the hub got all.
std::vector<Way> ways_to_publish(const std::string& socket, uint64_t events, size_t payload_bytes,
                                 size_t hold_bytes);

}  // namespace bus::sdk_bench
