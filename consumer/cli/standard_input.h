// All of stdin as one text, for programs that take one value from there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "consumer/cli/error.h"

namespace bus::cli {

inline constexpr size_t kMostInputBytes = size_t{1024} * 1024;  // more fits no frame

// Appends stdin up to its end to `text`. Reads no further than `kMostInputBytes` and a little more: the caller
// refuses what is longer.
std::optional<Error> read_standard_input(std::string& text);

}  // namespace bus::cli
