// How a call has failed: as an error of the program, with its exit status, and as JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "busd/calls.h"
#include "consumer/cli/error.h"

namespace bus::cli {

// The error in a failed `answer` as a response has it: {"code":…,"message":…}, and `by` and `data` if there
// are any.
std::string call_error_json(const busd_answer& answer);

// The same error as one of the program: "code: message". What the hub and the library say leads to an exit
// status of its own; whatever a provider says is `call_failed`. Its JSON form holds call_error_json() as the
// member `error`.
Error error_of(const busd_answer& answer);

// JSON whose strings do nothing to a terminal: control characters become escapes.
std::string harmless_json(std::string_view json);

}  // namespace bus::cli
