// The text of the C interface and that of C++.
#pragma once

#include <string_view>

#include "busd/consumer.h"

namespace bus::sdk {

inline busd_text text_of(std::string_view view) { return {view.data(), view.size()}; }

// No text at all is empty text.
inline std::string_view view_of(busd_text text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.length);
}

}  // namespace bus::sdk
