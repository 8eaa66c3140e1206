#include "protocol/message.h"

#include <array>

#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus {

namespace {

constexpr std::array kErrorCodes = {
    ErrorCode::bad_json,        ErrorCode::bad_frame,   ErrorCode::unknown_type,
    ErrorCode::frame_too_large, ErrorCode::not_allowed, ErrorCode::denied,
    ErrorCode::too_many,        ErrorCode::timeout,     ErrorCode::busy,
};

constexpr std::array kSourceStates = {
    SourceState::connecting,
    SourceState::connected,
    SourceState::disconnected,
    SourceState::reconnecting,
};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_json:
      return "bad_json";
    case ErrorCode::bad_frame:
      return "bad_frame";
    case ErrorCode::unknown_type:
      return "unknown_type";
    case ErrorCode::frame_too_large:
      return "frame_too_large";
    case ErrorCode::not_allowed:
      return "not_allowed";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::too_many:
      return "too_many";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::unknown:
      return "unknown";
  }
  return "unknown";
}

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

ErrorCode error_code_of(std::string_view name) {
  for (ErrorCode code : kErrorCodes) {
    if (name == name_of(code)) return code;
  }
  return ErrorCode::unknown;
}

std::optional<std::string> identifier_fault(std::string_view name, std::string_view value) {
  std::string what(name);
  if (value.empty())
    return what + " is empty; it must have 1 to " + std::to_string(kMaxIdentifierBytes) + " bytes";
  if (value.size() > kMaxIdentifierBytes) {
    return what + " has " + std::to_string(value.size()) + " bytes; the limit is " +
           std::to_string(kMaxIdentifierBytes);
  }
  bool ascii = true;
  for (char c : value) {
    if (is_control(c)) return what + " holds a control character";
    ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  }
  if (!ascii && !is_utf8(value)) return what + " is not UTF-8";
  return std::nullopt;
}

}  // namespace bus
