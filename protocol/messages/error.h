// error: the hub's answer to a frame that it refuses, or its reason to close (PROTOCOL.md 3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/fault.h"
#include "protocol/messages/way.h"

namespace bus {

struct ErrorMessage {
  static constexpr std::string_view kType = "error";
  ErrorCode code = ErrorCode::unknown;
  std::string message;
  std::string id;      // of the request it answers; for an event its event_id
  uint64_t frame = 0;  // the client's frame that it answers, counted from 1 on its connection; 0: none
  bool operator==(const ErrorMessage&) const = default;
};

// A client takes a code of a later version for `unknown`.
inline bool read_name(std::string_view name, ErrorCode& code) {
  code = error_code_of(name);
  return true;
}
constexpr const char* choices_of(ErrorCode) { return "a code"; }

template <class Way>
void members(Way& way, Some<ErrorMessage> auto& error) {
  way.choice("code", error.code);
  way.text("message", error.message);
  way.text_if_any("id", error.id);
  way.number_unless(uint64_t{0}, "frame", error.frame);
}

}  // namespace bus
