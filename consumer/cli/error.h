// What goes wrong in a bus-* program: the reports that all programs share (protocol/base/error_report.h), and
// the exit status that each leads to here.
#pragma once

#include <string_view>

#include "busd/consumer.hpp"
#include "protocol/base/error_report.h"

namespace bus::cli {

using Error = ErrorReport;
using ErrorCode = ReportCode;
using bus::error_of;

// The exit status that most errors of this code lead to.
int exit_code_of(ErrorCode code);

Error error_of(ErrorCode code, std::string_view text);
// What the library reports, with the exit status of its result.
Error error_of(const busd::Error& error);

}  // namespace bus::cli
