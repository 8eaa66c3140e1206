// What is told of a source, as JSON: the payload of its events, and the results of the tasks.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "consumer/sources/source.h"
#include "protocol/base/clock.h"
#include "protocol/limits.h"

namespace bus::sources {

// What a look at the directories has changed.
struct Reloaded {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<std::string> changed;
  std::vector<FileFault> faults;
};

// Of an event bus.source.STATE.
std::string event_payload(const Source& source, TimePoint now);
// The result of bus.source.list. What would make it too large for a frame is left out of all rows, and `left_out` names
// it; `faults_left_out` counts the faults that did not fit.
std::string list_of(const std::vector<Source*>& sources, const std::vector<FileFault>& faults, TimePoint now);
// The result of bus.source.status: the row, and more. Long lines of the log are cut.
std::string status_of(const Source& source, TimePoint now);
// What a command has come to.
std::string command_result(const Source& source);
// The result of bus.source.reload, with as many of the faults.
std::string reload_result(const Reloaded& reloaded);

// Of the text of a line, as JSON, in a chunk of bus.source.logs: a frame, but for what stands around it.
inline constexpr size_t kMostTextInChunk = kMaxFrameBytes - 4096;
// A chunk of bus.source.logs. A line whose text takes more than `most_bytes` as JSON is cut, and says so.
std::string log_line(const LogLine& line, size_t most_bytes);

}  // namespace bus::sources
