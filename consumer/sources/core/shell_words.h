// The words of a command as sh(1) parts them, where nothing is expanded and no shell runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace bus::sources {

// Blanks part words. Single quotes keep everything; double quotes keep all but \" \\ \$ \`; a backslash keeps the
// next character; a # that begins a word begins a comment. `$`, `*` and `~` are characters like others.
// Error invalid: a quote that is not closed, a backslash at the end, or an operator of the shell (| & ; < > ( ) `)
// outside of quotes, which would silently become an argument.
Result<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace bus::sources
