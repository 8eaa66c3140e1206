// The arguments of the tasks bus.source.*: which members each takes, and what they must be. Pure.
#pragma once

#include <string>
#include <string_view>

#include "consumer/sources/log_follower.h"

namespace bus::sources {

enum class Takes { nothing, name, log_query };

// What is wrong with the JSON text `args` of a task, naming the member; empty: nothing. null is an object without members,
// and a member that is null is left out.
std::string args_fault(std::string_view task, Takes takes, std::string_view args);

// What is asked of a log, by args without a fault.
LogQuery log_query(std::string_view args);

}  // namespace bus::sources
