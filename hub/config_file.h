// The configuration file of busd: lines of protocol/base/config_lines.h, whose names are those of the settings.
//
// A setting that may be repeated takes a list: [a, b]. Every fault is told with the file's name and the line's
// number.
#pragma once

#include <string>
#include <string_view>

#include "hub/options.h"
#include "protocol/base/result.h"

namespace bus::hub {

// Applies the file's text to `options`. `name` stands in messages.
// Errors: invalid  "NAME:LINE: …": an unknown setting, one that stands twice, a bad value, or no `name =
// value` at all
Result<void> apply_config(std::string_view text, const std::string& name, Options& options);

}  // namespace bus::hub
