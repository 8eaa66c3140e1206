#include "protocol/fault.h"

#include <algorithm>
#include <array>

#include "protocol/base/eight_bytes.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus {

namespace {

constexpr std::array kErrorCodes = {
    ErrorCode::bad_json,        ErrorCode::bad_frame,   ErrorCode::unknown_type,
    ErrorCode::frame_too_large, ErrorCode::not_allowed, ErrorCode::denied,
    ErrorCode::too_many,        ErrorCode::timeout,     ErrorCode::busy,
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

ErrorCode error_code_of(std::string_view name) {
  for (ErrorCode code : kErrorCodes) {
    if (name == name_of(code)) return code;
  }
  return ErrorCode::unknown;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || text.size() > kMaxIdentifierBytes) return false;
  auto control = [](uint64_t word) {
    return eight_bytes::below(word, 0x20) | eight_bytes::equal(word, 0x7f);
  };
  if (has_none(text, ' ', [&](uint64_t word) { return control(word) | eight_bytes::not_ascii(word); }))
    return true;
  return std::none_of(text.begin(), text.end(), is_control) && is_utf8(text);
}

std::optional<std::string> identifier_fault(std::string_view name, std::string_view value) {
  if (is_identifier(value)) return std::nullopt;
  std::string what(name);
  if (value.empty()) {
    return what + " is empty; it must have 1 to " + std::to_string(kMaxIdentifierBytes) + " bytes";
  }
  if (value.size() > kMaxIdentifierBytes) {
    return what + " has " + std::to_string(value.size()) + " bytes; the limit is " +
           std::to_string(kMaxIdentifierBytes);
  }
  bool has_control = std::any_of(value.begin(), value.end(), is_control);
  return what + (has_control ? " holds a control character" : " is not UTF-8");
}

}  // namespace bus
