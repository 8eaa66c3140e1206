// The configuration file of busd: `name = value` lines, as CLI11's TOML/INI reader understands them, one
// setting to a line.
//
// Every fault is told with the file's name and the line's number.
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
