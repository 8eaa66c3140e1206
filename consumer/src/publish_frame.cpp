#include "consumer/src/publish_frame.h"

#include <algorithm>
#include <cstring>

#include "consumer/src/text.h"
#include "consumer/src/user_json.h"
#include "protocol/base/strings.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

constexpr std::string_view kEnd = "}\n";
constexpr std::string_view kPayloadStart = ",\"payload\":";

// An object that begins so is an event or nothing: a second `type` is a fault (PROTOCOL.md 2). With another
// type, the hub might do something else than to publish or to refuse, such as to end the connection.
constexpr std::string_view kEventStart = R"({"type":"event",)";

// By how much a frame may be longer on its way to consumers than it came: the hub adds seq, and a payload
// where there was none.
constexpr size_t kMostAddedBytes = std::string_view(R"(,"seq":18446744073709551615,"payload":null)").size();

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
  for (const Member& member : event.others) {
    total += std::string_view(",:").size() + member.name_token.size() + member.value_token.size();
  }
  return total + std::string_view(",\"payload\":}\n").size() + event.payload_token.size();
}

// Whether a frame of `bytes`, its LF included, stays within the cap whatever the hub adds to it.
bool fits_anyhow(size_t bytes) { return bytes <= kMaxFrameBytes - kMostAddedBytes; }

// Which part of a publication is to blame, when one alone is.
std::optional<std::string> explain(std::string_view payload, std::string_view members) {
  if (!payload.empty()) {
    if (auto fault = json_fault(payload)) return "payload: " + *fault;
  }
  if (auto fault = json_fault("{" + std::string(members) + "}")) return "members: " + *fault;
  return std::nullopt;
}

bool is_text(busd_text text) { return text.length == 0 || is_utf8(view_of(text)); }

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

std::optional<std::string> FrameBuilder::build(const busd_publication& what, SendBuffer& out) {
  // A source's events are mostly of one type: that one is checked and written once.
  std::string_view event_type = view_of(what.event_type);
  if (event_type != type_ || head_.empty()) {
    if (auto fault = take_type(event_type)) return fault;
  }
  if (!is_text(what.event_id)) return "event_id is not valid UTF-8";
  if (!is_text(what.source_time)) return "source_time is not valid UTF-8";
  std::string_view payload = without_json_space(view_of(what.payload));
  std::string_view members = without_json_space(view_of(what.members));
  if (syntax_ == Syntax::left_to_hub && is_one_line(payload) && (members.empty() || is_one_line(members))) {
    size_t bytes = write(what, payload, members, out).size();
    if (fits_anyhow(bytes)) {
      out.add(bytes);
      return std::nullopt;
    }
  }
  return build_checked(what, payload, members, out);
}

std::optional<std::string> FrameBuilder::build_checked(const busd_publication& what, std::string_view payload,
                                                       std::string_view members, SendBuffer& out) {
  if (auto fault = without_line_ends(payload, payload_)) return "payload: " + *fault;
  if (!is_one_line(members)) {
    members_ = "{" + std::string(members) + "}";
    if (auto fault = json_fault(members_)) return "members: " + *fault;
    std::replace(members_.begin(), members_.end(), '\n', ' ');
    members = std::string_view(members_).substr(1, members_.size() - 2);
  }
  std::string_view frame = write(what, payload, members, out);
  if (auto fault = judge(frame.substr(0, frame.size() - 1))) {
    auto narrower = frame.size() <= kMaxFrameBytes ? explain(payload, members) : std::nullopt;
    return narrower ? narrower : fault;
  }
  // The frame as a whole is well-formed; but so is one whose payload is `1,"seq":2`.
  if (!payload.empty() && event_.payload_token != payload) return "payload is more than one JSON value";
  out.add(frame.size());
  return std::nullopt;
}

std::optional<std::string> FrameBuilder::take_type(std::string_view event_type) {
  if (auto fault = identifier_fault("event_type", event_type)) return fault;
  type_ = event_type;
  start_ = R"({"type":"event","event_type":)";
  append_json_string(start_, event_type);
  head_ = start_;
  head_ += kPayloadStart;
  return std::nullopt;
}

// The frame with its LF, in the room of `out`.
std::string_view FrameBuilder::write(const busd_publication& what, std::string_view payload,
                                     std::string_view members, SendBuffer& out) {
  constexpr std::string_view kNull = "null";
  bool bare = what.event_id.length == 0 && what.source_time.length == 0 && members.empty();
  if (!bare) write_head(what, members);
  std::string_view head = bare ? head_ : other_head_;
  if (payload.empty()) payload = kNull;
  size_t bytes = head.size() + payload.size() + kEnd.size();
  char* frame = out.room(bytes);
  put(put(put(frame, head), payload), kEnd);
  return {frame, bytes};
}

void FrameBuilder::write_head(const busd_publication& what, std::string_view members) {
  other_head_ = start_;
  if (std::string_view id = view_of(what.event_id); !id.empty()) {
    other_head_ += R"(,"event_id":)";
    append_json_string(other_head_, id);
  }
  if (std::string_view time = view_of(what.source_time); !time.empty()) {
    other_head_ += R"(,"source_time":)";
    append_json_string(other_head_, time);
  }
  if (!members.empty()) {
    other_head_ += ',';
    other_head_ += members;
  }
  other_head_ += kPayloadStart;
}

std::optional<std::string> FrameBuilder::take(std::string_view text, SendBuffer& out) {
  text = without_json_space(text);
  bool left = syntax_ == Syntax::left_to_hub && text.starts_with(kEventStart) &&
              fits_anyhow(text.size() + 1) && is_one_line(text);
  if (!left) {
    if (auto fault = without_line_ends(text, payload_)) return fault;
    if (auto fault = judge(text)) return fault;
  }
  *put(out.room(text.size() + 1), text) = '\n';
  out.add(text.size() + 1);
  return std::nullopt;
}

// Judges `frame`, without its LF.
std::optional<std::string> FrameBuilder::judge(std::string_view frame) {
  if (frame.size() >= kMaxFrameBytes) {
    return "the frame has " + std::to_string(frame.size() + 1) + " bytes; the limit is " +
           std::to_string(kMaxFrameBytes);
  }
  switch (scanner_.scan(frame, event_)) {
    case FrameKind::event:
      break;
    case FrameKind::other:
      return "not an event: a frame to publish has \"type\":\"event\"";
    case FrameKind::fault:
      return scanner_.fault().message;
  }
  if (size_t bytes = outbound_bytes(event_); bytes > kMaxFrameBytes) {
    return "the frame would have " + std::to_string(bytes) + " bytes on its way to consumers; the limit is " +
           std::to_string(kMaxFrameBytes);
  }
  return std::nullopt;
}

}  // namespace bus::sdk
