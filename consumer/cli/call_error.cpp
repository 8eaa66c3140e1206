#include "consumer/cli/call_error.h"

#include <array>

#include "consumer/cli/call_request.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void append_text_member(std::string& out, std::string_view name, busd_text value) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":";
  append_json_string(out, view_of(value));
}

ErrorCode code_of_call(const busd_answer& answer) {
  struct Known {
    std::string_view code;
    ErrorCode error;
  };
  static constexpr std::array<Known, 7> kKnown{{{"no_provider", ErrorCode::no_provider},
                                                {"busy", ErrorCode::busy},
                                                {"timeout", ErrorCode::timed_out},
                                                {"stopping", ErrorCode::connection_lost},
                                                {"lost", ErrorCode::connection_lost},
                                                {"not_allowed", ErrorCode::denied},
                                                {"denied", ErrorCode::denied}}};
  if (answer.by.length == 0) return ErrorCode::call_failed;
  for (const Known& known : kKnown) {
    if (view_of(answer.code) == known.code) return known.error;
  }
  return ErrorCode::call_failed;
}

}  // namespace

std::string call_error_json(const busd_answer& answer) {
  std::string out = "{";
  append_text_member(out, "code", answer.code);
  append_text_member(out, "message", answer.message);
  if (answer.by.length > 0) append_text_member(out, "by", answer.by);
  if (answer.data.length > 0) out += ",\"data\":" + std::string(view_of(answer.data));
  return out + "}";
}

Error error_of(const busd_answer& answer) {
  Error error;
  error.code = code_of_call(answer);
  error.exit = exit_code_of(error.code);
  error.message = std::string(view_of(answer.code)) + ": " + std::string(view_of(answer.message));
  error.members = ",\"error\":" + harmless_json(call_error_json(answer));
  return error;
}

std::string harmless_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    Character c = first_character(json);
    size_t bytes = c.bytes == 0 ? 1 : c.bytes;
    if (c.code == '\t' || c.code == '\r' || c.code == '\n') {
      out += ' ';  // stands between tokens, because strings cannot hold it
    } else if (is_control(c.code)) {
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4)
        out += kHexDigits[(c.code >> static_cast<unsigned>(shift)) & 0xFU];
    } else {
      out += json.substr(0, bytes);
    }
    json.remove_prefix(bytes);
  }
  return out;
}

}  // namespace bus::cli
