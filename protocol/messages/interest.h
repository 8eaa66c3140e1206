// interest: how many consumers would get something of an entry of hello.publishes (PROTOCOL.md 12).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/messages/way.h"

namespace bus {

struct InterestMessage {
  static constexpr std::string_view kType = "interest";
  std::string event_type;  // the entry, as it stands in the hello
  uint64_t consumers = 0;
  bool operator==(const InterestMessage&) const = default;
};

template <class Way>
void members(Way& way, Some<InterestMessage> auto& interest) {
  way.identifier("event_type", interest.event_type);
  way.number("consumers", interest.consumers);
}

}  // namespace bus
