// What is wrong with something that a peer sent, by the codes of the wire (PROTOCOL.md 3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bus {

// Closed per version (PROTOCOL.md 3). `unknown` is never sent: it is what a client makes of a code that it does
// not know.
enum class ErrorCode {
  bad_json,
  bad_frame,
  unknown_type,
  frame_too_large,
  not_allowed,
  denied,
  too_many,
  timeout,
  busy,
  unknown,
};

// A fault of a peer: answered with `error`, counted, and never an Error of ours.
struct Fault {
  ErrorCode code = ErrorCode::bad_frame;
  std::string message;
};

// The name on the wire.
const char* name_of(ErrorCode code);
ErrorCode error_code_of(std::string_view name);  // unknown when it is none of ours

// 1 to 255 bytes of UTF-8 without control characters (PROTOCOL.md 2).
bool is_identifier(std::string_view text);
// What is wrong with `value`, which the message calls `name`; nothing if it is an identifier.
std::optional<std::string> identifier_fault(std::string_view name, std::string_view value);

}  // namespace bus
