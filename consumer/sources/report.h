// What is told of a source, as JSON: the payload of its events, and the results of the tasks.
#pragma once

#include <string>

#include "consumer/sources/source.h"
#include "protocol/base/clock.h"

namespace bus::sources {

// Of an event bus.source.STATE.
std::string event_payload(const Source& source, TimePoint now);
// A row of bus.source.list.
std::string list_row(const Source& source, TimePoint now);
// The result of bus.source.status: the row, and more.
std::string status_of(const Source& source, TimePoint now);
// What a command has come to.
std::string command_result(const Source& source);
// A chunk of bus.source.logs.
std::string log_line(const LogLine& line);

}  // namespace bus::sources
