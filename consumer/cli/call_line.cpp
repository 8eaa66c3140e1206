#include "consumer/cli/call_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <vector>

#include "consumer/cli/bad_input.h"
#include "consumer/cli/json_lookup.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr int64_t kMostTimeoutMs = 86'400'000;  // protocol/PROTOCOL.md 10
constexpr const char* kLineForm = "write {\"id\":1,\"task\":\"math.add\",\"args\":{}}";

std::string take_text(std::string_view name, std::string_view token, std::string& out) {
  if (kind_of(token) != JsonKind::string) return kind_fault(name, "a string", token);
  out = string_text(token);
  return {};
}

std::string take_flag(std::string_view name, std::string_view token, bool& out) {
  if (kind_of(token) != JsonKind::boolean) return kind_fault(name, "true or false", token);
  out = token == "true";
  return {};
}

// On the wire 0 means that there is no deadline.
std::string take_timeout(std::string_view token, int64_t& out) {
  int64_t ms = 0;
  auto [end, fault] = std::from_chars(token.data(), token.data() + token.size(), ms);
  if (fault != std::errc() || end != token.data() + token.size() || ms < 0 || ms > kMostTimeoutMs)
    return kind_fault("timeout_ms", "a whole number from 0 to " + std::to_string(kMostTimeoutMs), token);
  out = ms == 0 ? int64_t{BUSD_FOREVER} : ms;
  return {};
}

std::string take_id(std::string_view token, std::string& out) {
  JsonKind kind = kind_of(token);
  if (kind != JsonKind::string && kind != JsonKind::number)
    return kind_fault("id", "a string or a number", token);
  out = token;
  return {};
}

// A member that the wire does not define; its provider gets it.
void take_other(const Member& member, std::string& out) {
  if (!out.empty()) out += ',';
  out += member.name_token;
  out += ':';
  out += member.value_token;
}

// The name of a member that is given twice.
std::string repeated_name(const std::vector<Member>& members) {
  std::vector<std::string> names;
  names.reserve(members.size());
  for (const Member& member : members) names.push_back(string_text(member.name_token));
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? std::string() : *twice;
}

}  // namespace

// What is wrong with the member.
std::string CallLineParser::take(const Member& member, CallLine& line) {
  std::string name = string_text(member.name_token);
  std::string_view token = member.value_token;
  CallRequest& request = line.request;
  if (name == "args") {
    request.args = token;
    return {};
  }
  // As on the wire: the same as absence.
  if (token == "null") return {};
  if (name == "id") return take_id(token, line.id);
  if (name == "task") return take_text(name, token, request.task);
  if (name == "timeout_ms") return take_timeout(token, request.timeout_ms);
  if (name == "wait") return take_flag(name, token, request.wait);
  if (name == "stream") return take_flag(name, token, request.stream);
  if (name == "idempotent") return take_flag(name, token, request.idempotent);
  if (name == "to") return take_text(name, token, request.to);
  if (name == "reply_event") return take_text(name, token, request.reply_event);
  if (name == "type") return token == "\"request\"" ? std::string() : "type can only be \"request\"";
  if (name == "from") return {};  // the hub discards it, too
  if (name == "parent") return "parent cannot be given, because bus-call serves no request";
  take_other(member, request.members);
  return {};
}

CallLine CallLineParser::parse(std::string_view text) {
  CallLine line;
  line.request = defaults_;
  if (auto fault = json_.scan(text, kMaxDepth)) {
    Error error = bad_input(text, *fault, Input::frame);
    bool hinted = !error.hint.empty() && !error.hint.starts_with("without --type");
    line.fault = error.message + "; " + (hinted ? error.hint : kLineForm);
    return line;
  }
  if (kind_of(json_.value()) != JsonKind::object) {
    line.fault = kind_fault("a line", "an object", json_.value()) + "; " + kLineForm;
    return line;
  }
  for (const Member& member : json_.children()) {
    std::string fault = take(member, line);
    if (line.fault.empty()) line.fault = fault;
  }
  std::string twice = repeated_name(json_.children());
  if (line.fault.empty() && !twice.empty()) line.fault = in_quotes(twice) + " is given twice";
  if (line.fault.empty() && line.id == "null") line.fault = std::string("it has no id; ") + kLineForm;
  if (line.fault.empty() && line.request.task.empty())
    line.fault = std::string("it has no task; ") + kLineForm;
  return line;
}

}  // namespace bus::cli
