// pre_shutdown_check and pre_shutdown_ack: who is the last, and cleans up (PROTOCOL.md 6).
#pragma once

#include <string>
#include <string_view>

#include "protocol/messages/way.h"

namespace bus {

struct PreShutdownCheck {
  static constexpr std::string_view kType = "pre_shutdown_check";
  std::string event_key;
  std::string subscription_id;
  bool operator==(const PreShutdownCheck&) const = default;
};

template <class Way>
void members(Way& way, Some<PreShutdownCheck> auto& check) {
  way.identifier_or_empty("event_key", check.event_key);
  way.identifier_if_any("subscription_id", check.subscription_id);
}

struct PreShutdownAck {
  static constexpr std::string_view kType = "pre_shutdown_ack";
  bool last_for_key = false;
  bool operator==(const PreShutdownAck&) const = default;
};

template <class Way>
void members(Way& way, Some<PreShutdownAck> auto& ack) {
  way.flag("last_for_key", ack.last_for_key);
}

}  // namespace bus
