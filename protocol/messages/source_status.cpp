#include "protocol/messages/source_status.h"

#include <array>

namespace bus {

namespace {

constexpr std::array kSourceStates = {
    SourceState::connecting,
    SourceState::connected,
    SourceState::disconnected,
    SourceState::reconnecting,
};

}  // namespace

const char* name_of(SourceState state) {
  switch (state) {
    case SourceState::connecting:
      return "connecting";
    case SourceState::connected:
      return "connected";
    case SourceState::disconnected:
      return "disconnected";
    case SourceState::reconnecting:
      return "reconnecting";
  }
  return "unknown";
}

std::optional<SourceState> source_state_of(std::string_view name) {
  for (SourceState state : kSourceStates) {
    if (name == name_of(state)) return state;
  }
  return std::nullopt;
}

bool read_name(std::string_view name, SourceState& state) {
  auto known = source_state_of(name);
  if (known) state = *known;
  return known.has_value();
}

}  // namespace bus
