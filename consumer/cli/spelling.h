// Whether two names differ by so little that one is probably the other, mistyped.
#pragma once

#include <cstddef>
#include <string_view>

namespace bus::cli {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b);

// Few edits for the length: short names differ by a letter more easily than long ones do.
bool alike(std::string_view a, std::string_view b);

}  // namespace bus::cli
