#include "consumer/src/publish_frame.h"

#include <algorithm>

#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";

// Bytes of the frame in which the hub would send `event` on, with the largest seq. Must not exceed the cap
// (PROTOCOL.md 1).
size_t outbound_bytes(const EventLine& event) {
  size_t total =
      std::string_view("{\"type\":\"event\",\"event_type\":").size() + event.event_type_token.size();
  if (!event.event_id_token.empty()) {
    total += std::string_view(",\"event_id\":").size() + event.event_id_token.size();
  }
  if (!event.source_time_token.empty()) {
    total += std::string_view(",\"source_time\":").size() + event.source_time_token.size();
  }
  total += std::string_view(",\"seq\":18446744073709551615").size();
  for (const EventLine::Member& member : event.others) {
    total += std::string_view(",:").size() + member.name_token.size() + member.value_token.size();
  }
  return total + std::string_view(",\"payload\":}\n").size() + event.payload_token.size();
}

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(kJsonSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kJsonSpace) - begin + 1);
}

// JSON allows line ends between tokens, a frame does not. In valid JSON they stand nowhere else, hence the
// check first.
std::optional<std::string> without_line_ends(std::string_view& text, std::string& store) {
  if (text.find('\n') == std::string_view::npos) return std::nullopt;
  if (auto fault = json_fault(text)) return fault;
  store.assign(text);
  std::replace(store.begin(), store.end(), '\n', ' ');
  text = store;
  return std::nullopt;
}

// Which part of a publication is to blame, when one alone is.
std::optional<std::string> explain(const Publication& what) {
  if (!trimmed(what.payload).empty()) {
    if (auto fault = json_fault(what.payload)) return "payload: " + *fault;
  }
  if (auto fault = json_fault("{" + std::string(what.members) + "}")) return "members: " + *fault;
  return std::nullopt;
}

std::optional<std::string> text_fault(std::string_view name, std::string_view text) {
  if (is_utf8(text)) return std::nullopt;
  return std::string(name) + " is not valid UTF-8";
}

}  // namespace

std::optional<std::string> FrameBuilder::build(const Publication& what, std::string& out) {
  if (auto fault = take_type(what.event_type)) return fault;
  if (auto fault = text_fault("event_id", what.event_id)) return fault;
  if (auto fault = text_fault("source_time", what.source_time)) return fault;
  std::string_view payload = trimmed(what.payload);
  if (auto fault = without_line_ends(payload, payload_)) return "payload: " + *fault;
  std::string_view members = trimmed(what.members);
  if (members.find('\n') != std::string_view::npos) {
    members_ = "{" + std::string(members) + "}";
    if (auto fault = json_fault(members_)) return "members: " + *fault;
    std::replace(members_.begin(), members_.end(), '\n', ' ');
    members = std::string_view(members_).substr(1, members_.size() - 2);
  }

  size_t start = out.size();
  append(what, payload, members, out);
  size_t bytes = out.size() - start;
  auto fault = judge(std::string_view(out).substr(start));
  if (fault && bytes < kMaxFrameBytes) {
    if (auto narrower = explain(what)) fault = narrower;
  } else if (!fault && !payload.empty() && event_.payload_token != payload) {
    // The frame as a whole is well-formed; but so is one whose payload is `1,"seq":2`.
    fault = "payload is more than one JSON value";
  }
  if (fault) {
    out.resize(start);
  } else {
    out += '\n';
  }
  return fault;
}

// A source's events are mostly of one type: that one is checked and written once.
std::optional<std::string> FrameBuilder::take_type(std::string_view event_type) {
  if (event_type == type_ && !start_.empty()) return std::nullopt;
  if (auto fault = identifier_fault("event_type", event_type)) return fault;
  type_ = event_type;
  start_ = "{\"type\":\"event\",\"event_type\":";
  append_json_string(start_, event_type);
  return std::nullopt;
}

void FrameBuilder::append(const Publication& what, std::string_view payload, std::string_view members,
                          std::string& out) {
  out += start_;
  if (!what.event_id.empty()) {
    out += ",\"event_id\":";
    append_json_string(out, what.event_id);
  }
  if (!what.source_time.empty()) {
    out += ",\"source_time\":";
    append_json_string(out, what.source_time);
  }
  if (!members.empty()) {
    out += ',';
    out += members;
  }
  out += ",\"payload\":";
  out += payload.empty() ? "null" : payload;
  out += '}';
}

std::optional<std::string> FrameBuilder::take(std::string_view text, std::string& out) {
  text = trimmed(text);
  if (auto fault = without_line_ends(text, payload_)) return fault;
  if (auto fault = judge(text)) return fault;
  out += text;
  out += '\n';
  return std::nullopt;
}

// Judges `frame`, without its LF.
std::optional<std::string> FrameBuilder::judge(std::string_view frame) {
  if (frame.size() >= kMaxFrameBytes) {
    return "the frame has " + std::to_string(frame.size() + 1) + " bytes; the limit is " +
           std::to_string(kMaxFrameBytes);
  }
  Fault fault;
  switch (scan_event(frame, event_, fault)) {
    case Scan::event:
      break;
    case Scan::other:
      return "not an event: a frame to publish has \"type\":\"event\"";
    case Scan::fault:
      return fault.message;
  }
  if (size_t bytes = outbound_bytes(event_); bytes > kMaxFrameBytes) {
    return "the frame would have " + std::to_string(bytes) + " bytes on its way to consumers; the limit is " +
           std::to_string(kMaxFrameBytes);
  }
  return std::nullopt;
}

}  // namespace bus::sdk
