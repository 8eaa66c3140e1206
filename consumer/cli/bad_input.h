// What is wrong with input that is not an event, in words that name the usual causes: a byte order mark,
// another encoding, JSON that goes over several lines, plain text.
#pragma once

#include <string>
#include <string_view>

#include "consumer/cli/error.h"

namespace bus::cli {

// Whether `text` begins a JSON object, array or string and ends before that does: pretty-printed JSON has
// such lines.
bool is_unfinished_json(std::string_view text);

// Whether `text` is UTF-16, with or without a mark: a byte of nearly every character is 0, as in no JSON
// text.
bool is_utf16(std::string_view text);

// What a text that was refused should have been.
enum class Input { text, payload, frame, args };

// What to tell of `text`, which was refused with `reason`.
Error bad_input(std::string_view text, std::string_view reason, Input input);

}  // namespace bus::cli
