#include "consumer/src/call_frame.h"

#include <algorithm>

#include "consumer/src/user_json.h"
#include "protocol/json_text.h"

namespace bus::sdk {

std::optional<std::string> CallFrame::take_json(std::string_view name, std::string_view json) {
  others_.clear();
  json_ = without_json_space(json);
  if (auto fault = without_line_ends(json_, json_store_)) return std::string(name) + ": " + *fault;
  if (json_.empty()) json_ = "null";
  return std::nullopt;
}

std::optional<std::string> CallFrame::take_members(std::string_view members) {
  others_.clear();
  members = without_json_space(members);
  if (members.empty()) return std::nullopt;
  members_store_ = "{" + std::string(members) + "}";
  if (auto fault = members_.scan(members_store_)) return "members: " + *fault;
  std::replace(members_store_.begin(), members_store_.end(), '\n', ' ');
  others_ = members_.children();
  return std::nullopt;
}

std::optional<std::string> CallFrame::check(std::string_view name) {
  if (text_.size() > kMaxFrameBytes) {
    return "the frame has " + std::to_string(text_.size()) + " bytes; the limit is " +
           std::to_string(kMaxFrameBytes);
  }
  std::string_view line(text_.data(), text_.size() - 1);
  if (scanner_.scan(line, event_) != FrameKind::other) {
    auto narrower = json_fault(json_);
    return std::string(name) + ": " + (narrower ? *narrower : scanner_.fault().message);
  }
  if (name.empty()) return std::nullopt;
  // The frame as a whole is well-formed; but so is one with the args `1,"task":"x"`.
  for (const Member& member : scanner_.frame().members) {
    if (token_is(member.name_token, name) && member.value_token == json_) return std::nullopt;
  }
  return std::string(name) + " is more than one JSON value";
}

}  // namespace bus::sdk
