// Text of strangers, character by character, on its way to a terminal or into JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bus {

struct Character {
  char32_t code = 0;
  size_t bytes = 0;  // 0: the text does not begin with UTF-8
};

// The first character of `text`, which is not empty, by RFC 3629.
Character first_character(std::string_view text);

// Whether a character does something to a terminal or a viewer instead of showing: controls (C0, DEL, and C1,
// which some terminals obey), line separators, and marks that change the direction of text.
bool is_control(char32_t code);

// `text` on one line and harmless: control characters and bytes that are not UTF-8 are written as \x1b or
// \u202e, so that no escape sequence reaches the terminal.
std::string safe_text(std::string_view text);

}  // namespace bus
