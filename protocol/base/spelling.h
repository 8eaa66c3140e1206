// Whether two names differ by so little that one is probably the other, mistyped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bus {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b);

// Few edits for the length: short names differ by a letter more easily than long ones do.
bool alike(std::string_view a, std::string_view b);

// The name among `names` (such as "--type" and "-t") that was probably meant by `option`; empty if none was.
std::string nearest_option(const std::string& option, const std::vector<std::string>& names);

}  // namespace bus
