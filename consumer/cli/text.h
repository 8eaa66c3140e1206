// Text of strangers on its way to a terminal or into JSON, and its width in columns.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/characters.h"

namespace bus::cli {

// Where `text` stops being UTF-8, by RFC 3629; nothing: all of it is.
std::optional<size_t> first_byte_not_utf8(std::string_view text);

// Columns that safe text takes on a terminal; wide characters count two where the locale knows them.
size_t columns_of(std::string_view text);

// The longest beginning of safe `text` that fits, with "…" as its last column when something was cut.
std::string cut_to_columns(std::string_view text, size_t columns);

// Safe `text` in lines of at most so many columns, parted at spaces. A word that is longer has a line of its own.
std::vector<std::string> wrapped(std::string_view text, size_t columns);

// Appends `text` as a JSON string. Bytes that are not UTF-8 pass as they are: who checks the result finds
// them.
void append_json_string(std::string& out, std::string_view text);

// "text" with its quotes, nothing escaped: for words that the user typed.
std::string in_quotes(std::string_view text);

// Line ends between JSON tokens become spaces, so that a payload written over several lines fits a frame.
// Those inside strings stay: they are faults, for the checker to name.
void join_json_lines(std::string& json);

// Whether a line has nothing but spaces.
bool is_blank(std::string_view line);

// "12345678" as "12 345 678".
std::string grouped(unsigned long long number);

// What the hub says of its store, without the beginning `values in "PATH": ` if the rest names the path, too.
std::string named_once(std::string text, std::string_view path);

// "1 line", "2 lines".
std::string counted(unsigned long long number, std::string_view noun);

}  // namespace bus::cli
