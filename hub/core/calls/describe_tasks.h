// The sections of calls in status (PROTOCOL.md 7), and the result of the task `bus.tasks` (PROTOCOL.md 10).
#pragma once

#include <cstddef>
#include <string>

#include "protocol/base/clock.h"

namespace bus::hub {

class StatusWriter;
class Tracker;

// The sections `calls`, `tasks` and `providers`. `waiting_calls`: how many calls of a user may wait for a task.
void describe_calls(const Tracker& tracker, size_t waiting_calls, StatusWriter& out);

// As many tasks as `most` bytes take; the others are counted.
std::string describe_tasks(const Tracker& tracker, size_t most, TimePoint now);

}  // namespace bus::hub
