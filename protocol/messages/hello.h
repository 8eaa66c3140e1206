// hello and hello_ack: how a client joins (PROTOCOL.md 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/messages/way.h"

namespace bus {

enum class Role { consumer, source, client };
const char* name_of(Role role);
bool read_name(std::string_view name, Role& role);
constexpr const char* choices_of(Role) { return "\"consumer\", \"source\" or \"client\""; }

struct Hello {
  static constexpr std::string_view kType = "hello";
  int64_t pid = 0;
  std::string event_key;
  std::vector<std::string> event_types;
  std::string version = kBusVersion;
  std::string subscription_id;
  Role role = Role::consumer;
  std::string source;
  bool exclusive = false;
  std::vector<std::string> capabilities;
  std::vector<std::string> publishes;
  bool observer = false;
  bool background = false;
  std::string cleanup_task;
  bool operator==(const Hello&) const = default;
};

template <class Way>
void members(Way& way, Some<Hello> auto& hello) {
  way.number("pid", hello.pid);
  way.identifier_or_empty("event_key", hello.event_key);
  way.identifiers("event_types", hello.event_types, kMaxEventTypes);
  way.text("version", hello.version);
  way.identifier_if_any("subscription_id", hello.subscription_id);
  way.choice_unless(Role::consumer, "role", hello.role);
  way.identifier_if_any("source", hello.source);
  way.flag_if_set("exclusive", hello.exclusive);
  way.identifiers_if_any("capabilities", hello.capabilities, kMaxCapabilities);
  way.identifiers_if_any("publishes", hello.publishes, kMaxPublishes);
  way.flag_if_set("observer", hello.observer);
  way.flag_if_set("background", hello.background);
  way.identifier_if_any("cleanup_task", hello.cleanup_task);
  // The others belong to no key.
  way.need("event_key", hello.role == Role::consumer, hello.event_key);
}

struct HelloAck {
  static constexpr std::string_view kType = "hello_ack";
  std::string bus_version = kBusVersion;
  bool first_for_key = false;
  bool rejected = false;
  std::string reject_reason;
  std::vector<std::string> capabilities;
  bool operator==(const HelloAck&) const = default;
};

template <class Way>
void members(Way& way, Some<HelloAck> auto& ack) {
  way.text("bus_version", ack.bus_version);
  way.flag("first_for_key", ack.first_for_key);
  way.flag_if_set("rejected", ack.rejected);
  way.text_if_any("reject_reason", ack.reject_reason);
  way.identifiers_if_any("capabilities", ack.capabilities, kMaxCapabilities);
}

}  // namespace bus
