#include "protocol/base/error_report.h"

#include "protocol/base/characters.h"

namespace bus {

namespace {

// In double quotes, or a word of its own.
std::string_view path_in(std::string_view text) {
  size_t begin = text.find("\"/");
  size_t end = begin == std::string_view::npos ? begin : text.find('"', begin + 1);
  if (end == std::string_view::npos) {
    begin = text.find(" /");
    end = begin == std::string_view::npos ? begin : text.find_first_of(" ;,:", begin + 1);
  }
  if (begin == std::string_view::npos) return {};
  return text.substr(begin + 1, end - begin - 1);
}

// Safe text has no characters that JSON wants escaped but these two.
void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":\"";
  for (char c : safe_text(value)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

const char* name_of(ReportCode code) {
  switch (code) {
    case ReportCode::unknown_option:
      return "unknown_option";
    case ReportCode::missing_value:
      return "missing_value";
    case ReportCode::bad_value:
      return "bad_value";
    case ReportCode::conflict:
      return "conflict";
    case ReportCode::missing_argument:
      return "missing_argument";
    case ReportCode::extra_argument:
      return "extra_argument";
    case ReportCode::bad_pattern:
      return "bad_pattern";
    case ReportCode::bad_config:
      return "bad_config";
    case ReportCode::bad_data:
      return "bad_data";
    case ReportCode::empty_input:
      return "empty_input";
    case ReportCode::no_hub:
      return "no_hub";
    case ReportCode::no_answer:
      return "no_answer";
    case ReportCode::not_a_hub:
      return "not_a_hub";
    case ReportCode::denied:
      return "denied";
    case ReportCode::rejected:
      return "rejected";
    case ReportCode::refused:
      return "refused";
    case ReportCode::stale:
      return "stale";
    case ReportCode::exists:
      return "exists";
    case ReportCode::full:
      return "full";
    case ReportCode::store:
      return "store";
    case ReportCode::no_provider:
      return "no_provider";
    case ReportCode::not_found:
      return "not_found";
    case ReportCode::busy:
      return "busy";
    case ReportCode::call_failed:
      return "call_failed";
    case ReportCode::consumers_connected:
      return "consumers_connected";
    case ReportCode::connection_lost:
      return "connection_lost";
    case ReportCode::events_lost:
      return "events_lost";
    case ReportCode::unhealthy:
      return "unhealthy";
    case ReportCode::timed_out:
      return "timed_out";
    case ReportCode::command_failed:
      return "command_failed";
    case ReportCode::input_failed:
      return "input_failed";
    case ReportCode::output_failed:
      return "output_failed";
    case ReportCode::failed:
      break;
  }
  return "failed";
}

ErrorReport error_of(ReportCode code, int exit, std::string_view text) {
  constexpr std::string_view kBetween = "; ";
  size_t between = text.find(kBetween);
  ErrorReport error{code, exit, std::string(text.substr(0, between)), {}, std::string(path_in(text))};
  if (between != std::string_view::npos) error.hint = text.substr(between + kBetween.size());
  return error;
}

std::string json_of(const ErrorReport& error) {
  std::string out = std::string("{\"code\":\"") + name_of(error.code) + "\"";
  out += ",\"exit\":" + std::to_string(error.exit);
  append_member(out, "message", error.message);
  append_member(out, "hint", error.hint);
  if (!error.path.empty()) append_member(out, "path", error.path);
  out += error.members;
  return out + "}";
}

bool json_errors_wanted(const std::vector<std::string>& arguments, const char* variable) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--json-errors") return true;
  }
  return variable != nullptr && std::string_view(variable) == "json";
}

std::string errors_variable_fault(const char* variable) {
  std::string text = variable == nullptr ? "" : variable;
  if (text.empty() || text == "json" || text == "text") return {};
  return "$BUSD_ERRORS is \"" + text + "\"; set it to json or text";
}

}  // namespace bus
