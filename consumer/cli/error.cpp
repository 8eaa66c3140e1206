#include "consumer/cli/error.h"

#include "consumer/cli/exit_code.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

ErrorCode code_of(busd_result result) {
  switch (result) {
    case BUSD_INVALID:
      return ErrorCode::bad_value;
    case BUSD_UNREACHABLE:
      return ErrorCode::no_hub;
    case BUSD_TIMED_OUT:
      return ErrorCode::no_answer;
    case BUSD_PROTOCOL:
      return ErrorCode::not_a_hub;
    case BUSD_DENIED:
      return ErrorCode::denied;
    case BUSD_REJECTED:
      return ErrorCode::rejected;
    case BUSD_REFUSED:
      return ErrorCode::refused;
    case BUSD_CLOSED:
    case BUSD_LOST:
      return ErrorCode::connection_lost;
    case BUSD_OK:
    case BUSD_INTERNAL:
      break;
  }
  return ErrorCode::failed;
}

// In double quotes, or a word of its own.
std::string_view path_in(std::string_view text) {
  size_t begin = text.find("\"/");
  size_t end = begin == std::string_view::npos ? begin : text.find('"', begin + 1);
  if (end == std::string_view::npos) {
    begin = text.find(" /");
    end = begin == std::string_view::npos ? begin : text.find_first_of(" ;,", begin + 1);
  }
  if (begin == std::string_view::npos) return {};
  return text.substr(begin + 1, end - begin - 1);
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, safe_text(value));
}

}  // namespace

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_option:
      return "unknown_option";
    case ErrorCode::missing_value:
      return "missing_value";
    case ErrorCode::bad_value:
      return "bad_value";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::missing_argument:
      return "missing_argument";
    case ErrorCode::extra_argument:
      return "extra_argument";
    case ErrorCode::bad_pattern:
      return "bad_pattern";
    case ErrorCode::bad_data:
      return "bad_data";
    case ErrorCode::empty_input:
      return "empty_input";
    case ErrorCode::no_hub:
      return "no_hub";
    case ErrorCode::no_answer:
      return "no_answer";
    case ErrorCode::not_a_hub:
      return "not_a_hub";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::rejected:
      return "rejected";
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::consumers_connected:
      return "consumers_connected";
    case ErrorCode::connection_lost:
      return "connection_lost";
    case ErrorCode::events_lost:
      return "events_lost";
    case ErrorCode::unhealthy:
      return "unhealthy";
    case ErrorCode::timed_out:
      return "timed_out";
    case ErrorCode::command_failed:
      return "command_failed";
    case ErrorCode::input_failed:
      return "input_failed";
    case ErrorCode::output_failed:
      return "output_failed";
    case ErrorCode::failed:
      break;
  }
  return "failed";
}

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_option:
    case ErrorCode::missing_value:
    case ErrorCode::bad_value:
    case ErrorCode::conflict:
    case ErrorCode::missing_argument:
    case ErrorCode::extra_argument:
    case ErrorCode::bad_pattern:
      return kUsage;
    case ErrorCode::bad_data:
    case ErrorCode::empty_input:
      return kBadData;
    case ErrorCode::no_hub:
      return kUnreachable;
    case ErrorCode::not_a_hub:
      return kProtocol;
    case ErrorCode::denied:
      return kPermission;
    case ErrorCode::no_answer:
    case ErrorCode::rejected:
    case ErrorCode::refused:
    case ErrorCode::consumers_connected:
    case ErrorCode::connection_lost:
    case ErrorCode::events_lost:
    case ErrorCode::unhealthy:
      return kTryAgain;
    case ErrorCode::timed_out:
      return kTimeRanOut;
    case ErrorCode::command_failed:
    case ErrorCode::input_failed:
    case ErrorCode::output_failed:
    case ErrorCode::failed:
      break;
  }
  return kInternal;
}

Error error_of(ErrorCode code, int exit, std::string_view text) {
  constexpr std::string_view kBetween = "; ";
  size_t between = text.find(kBetween);
  Error error{code, exit, std::string(text.substr(0, between)), {}, std::string(path_in(text))};
  if (between != std::string_view::npos) error.hint = text.substr(between + kBetween.size());
  return error;
}

Error error_of(ErrorCode code, std::string_view text) { return error_of(code, exit_code_of(code), text); }

Error error_of(const busd::Error& error) {
  return error_of(code_of(error.result), exit_code_of(error.result), error.message);
}

std::string json_of(const Error& error) {
  std::string out = std::string("{\"code\":\"") + name_of(error.code) + "\"";
  out += ",\"exit\":" + std::to_string(error.exit);
  append_member(out, "message", error.message);
  append_member(out, "hint", error.hint);
  if (!error.path.empty()) append_member(out, "path", error.path);
  return out + "}";
}

}  // namespace bus::cli
