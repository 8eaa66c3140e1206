// Maps of strings that are looked up by string_view, without a temporary.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bus::hub {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

}  // namespace bus::hub
