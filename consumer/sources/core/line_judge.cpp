#include "consumer/sources/core/line_judge.h"

#include <algorithm>
#include <array>

#include "protocol/base/strings.h"
#include "protocol/json_text.h"
#include "protocol/json_walk.h"
#include "protocol/line_reader.h"
#include "protocol/raw_json.h"

namespace bus::sources {

namespace {

// What a source may send beside events: its state, and what answers a request.
constexpr std::array<std::string_view, 4> kMessages = {"source_status", "response", "chunk", "progress"};

// Bytes that make a line one of the log, whatever the format says.
bool is_binary(std::string_view line) { return line.find('\0') != std::string_view::npos || !is_utf8(line); }

}  // namespace

LineJudge::LineJudge(const Definition& definition) : definition_(definition) {
  types_.reserve(definition.types.size());
  for (const std::string& entry : definition.types) types_.push_back(parse_event_pattern(entry));
}

bool LineJudge::is_declared(std::string_view event_type) const {
  // A source whose types are "*" could say of others what they are.
  return !is_reserved(event_type) &&
         std::any_of(types_.begin(), types_.end(),
                     [&](const EventPattern& pattern) { return matches(pattern, event_type); });
}

Judged LineJudge::judge(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_blank(line)) return {Judged::Kind::blank, line, {}, {}};
  if (line.find('\r') != std::string_view::npos) return {Judged::Kind::log, line, {}, {}};
  if (definition_.format == Format::text) {
    if (is_binary(line)) return {Judged::Kind::log, line, {}, {}};
    quoted_.clear();
    append_json_string(quoted_, line);
    return {Judged::Kind::payload, quoted_, {}, {}};
  }
  return judge_json(line);
}

Judged LineJudge::judge_cut(std::string_view line) {
  Judged judged = judge(line);
  bool would_be_sent = judged.kind == Judged::Kind::frame || judged.kind == Judged::Kind::payload ||
                       judged.kind == Judged::Kind::message;
  if (!would_be_sent) return judged;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return {Judged::Kind::refused, line, {}, "the line has no end"};
}

// Whether it is an event without a type, which then stands in `completed_` with that of the definition.
bool LineJudge::complete(std::string_view line) {
  size_t begin = line.find_first_not_of(" \t");
  if (scanner_.fault().code != ErrorCode::bad_frame || line[begin] != '{' || json_fault(line)) return false;
  bool is_event = false;
  JsonWalk walk(line.substr(begin, line.find_last_of('}') + 1 - begin));
  for (Member member; walk.next(member);) {
    if (member.name_token == "\"event_type\"") return false;
    if (member.name_token == "\"type\"") is_event = member.value_token == "\"event\"";
  }
  if (!is_event) return false;
  completed_ = "{\"event_type\":";
  append_json_string(completed_, definition_.event_type);
  completed_.append(",").append(line.substr(begin + 1));
  return true;
}

Judged LineJudge::judge_json(std::string_view line) {
  bool frames = definition_.format == Format::automatic || definition_.format == Format::frames;
  FrameKind kind = scanner_.scan(line, event_);
  if (kind == FrameKind::fault && frames && complete(line)) {
    line = completed_;
    kind = scanner_.scan(line, event_);
  }
  switch (kind) {
    case FrameKind::event:
      if (!frames) return {Judged::Kind::payload, line, {}, {}};
      if (is_declared(event_.event_type)) return {Judged::Kind::frame, line, event_.event_type, {}};
      return {Judged::Kind::refused, line, event_.event_type,
              "its type " + printable(event_.event_type) + " is none of those that `types` declares"};
    case FrameKind::other: {
      std::string_view type = scanner_.frame().type;
      bool is_message = std::find(kMessages.begin(), kMessages.end(), type) != kMessages.end();
      if (frames && is_message) return {Judged::Kind::message, line, type, {}};
      if (definition_.format != Format::frames) return {Judged::Kind::payload, line, {}, {}};
      return {Judged::Kind::log, line, {}, {}};
    }
    case FrameKind::fault:
      break;
  }
  bool means_an_event =
      scanner_.fault().code == ErrorCode::bad_frame && line[line.find_first_not_of(" \t")] == '{';
  if (means_an_event && frames) return {Judged::Kind::refused, line, {}, scanner_.fault().message};
  // No object, or one that is no frame: any JSON can be a payload.
  if (definition_.format != Format::frames && !json_fault(line)) return {Judged::Kind::payload, line, {}, {}};
  return {Judged::Kind::log, line, {}, {}};
}

}  // namespace bus::sources
