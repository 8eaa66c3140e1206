// Finds one value in JSON text by its path, and hands out the bytes as they stand there. Pure.
//
// The text has been judged by the hub. If it is no JSON all the same, nothing is found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bus::cli {

// The names of members, or the indexes of elements, from the outermost value inwards. Empty: the whole text.
using JsonPath = std::vector<std::string>;

// The value at `path`: the text of a string without quotes and escapes (U+FFFD for half a surrogate pair,
// which is no text), the bytes of any other value. Where a name occurs twice in one object, the last one
// counts, as most parsers have it. Nothing: there is no such value.
std::optional<std::string> find_json(std::string_view json, const JsonPath& path);

// The text of a JSON string, `token` with its quotes.
std::string string_text(std::string_view token);

}  // namespace bus::cli
