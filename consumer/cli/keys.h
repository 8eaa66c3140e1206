// What a person types at the live view. Pure.
#pragma once

#include <string_view>
#include <vector>

namespace bus::cli {

enum class Key { quit, sort, pause, redraw };

// The keys in what a terminal sent at once. Other keys, and the escape sequences of arrows and the like, mean
// nothing.
std::vector<Key> keys_in(std::string_view bytes);

}  // namespace bus::cli
