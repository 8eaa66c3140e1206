// bye and shutdown: messages that are their type and nothing else (PROTOCOL.md 3).
#pragma once

#include <string_view>

#include "protocol/messages/way.h"

namespace bus {

struct Bye {
  static constexpr std::string_view kType = "bye";
  bool operator==(const Bye&) const = default;
};
template <class Way>
void members(Way&, Some<Bye> auto&) {}

struct Shutdown {
  static constexpr std::string_view kType = "shutdown";
  bool operator==(const Shutdown&) const = default;
};
template <class Way>
void members(Way&, Some<Shutdown> auto&) {}

}  // namespace bus
