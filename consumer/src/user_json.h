// JSON that a user writes into a frame, made one line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bus::sdk {

inline bool is_one_line(std::string_view text) { return text.find('\n') == std::string_view::npos; }

std::string_view without_json_space(std::string_view text);

// JSON allows line ends between tokens, a frame does not: they become spaces, in a copy in `store`. In valid
// JSON they stand nowhere else, so a text with line ends is checked first; what is wrong with it is returned.
std::optional<std::string> without_line_ends(std::string_view& text, std::string& store);

}  // namespace bus::sdk
