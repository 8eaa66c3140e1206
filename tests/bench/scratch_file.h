// Writes the small files that servers want in their scratch directory.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace bus::bench {

// Creates `path` (0600), which must not exist, with `text` in it.
Result<void> write_scratch_file(const std::string& path, std::string_view text);

}  // namespace bus::bench
