// bus-consume and bus-publish as a shell would run them, beside a process that moves the same bytes with read
// and write alone.
//
// Time and CPU are those of the whole process, from its start to its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/sdk_table.h"

namespace bus::sdk_bench {

// `events` events from a hub into `file`, which is written anew each time.
std::vector<Way> ways_to_save(const std::string& programs, const std::string& socket, uint64_t events,
                              size_t payload_bytes, const std::string& file);

// The lines of `file` to a hub: `events` ready frames, written by write_lines().
std::vector<Way> ways_to_send(const std::string& programs, const std::string& socket, uint64_t events,
                              const std::string& file);

// Writes `events` frames as a source sends them. Error: io.
Result<void> write_lines(const std::string& file, uint64_t events, size_t payload_bytes);

}  // namespace bus::sdk_bench
