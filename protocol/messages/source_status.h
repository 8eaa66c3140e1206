// source_status: what a source says of its own connection, and the hub passes on (PROTOCOL.md 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/messages/way.h"

namespace bus {

enum class SourceState { connecting, connected, disconnected, reconnecting };
const char* name_of(SourceState state);
std::optional<SourceState> source_state_of(std::string_view name);
bool read_name(std::string_view name, SourceState& state);
constexpr const char* choices_of(SourceState) {
  return "one of connecting, connected, disconnected, reconnecting";
}

struct SourceStatus {
  static constexpr std::string_view kType = "source_status";
  std::string source;
  SourceState state = SourceState::connecting;
  std::string detail;
  bool operator==(const SourceStatus&) const = default;
};

template <class Way>
void members(Way& way, Some<SourceStatus> auto& status) {
  way.identifier("source", status.source);
  way.choice("state", status.state);
  way.text_if_any("detail", status.detail, kMaxDetailBytes);
}

}  // namespace bus
