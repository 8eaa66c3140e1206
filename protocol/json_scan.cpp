#include "protocol/json_scan.h"

#include <array>

#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus {

namespace {

using Problem = std::optional<std::string>;

enum Known : size_t { kType, kEventType, kEventId, kSourceTime, kSeq, kPayload, kKnownCount };

constexpr std::array<std::string_view, kKnownCount> kNames = {"type",        "event_type", "event_id",
                                                              "source_time", "seq",        "payload"};

using KnownTokens = std::array<std::string_view, kKnownCount>;

Known known_of(std::string_view name_token) {
  size_t known = 0;
  while (known < kKnownCount && !token_is(name_token, kNames[known])) ++known;
  return static_cast<Known>(known);
}

// Sorts the members of the scanned object into known ones and others. Returns the first that stands twice.
std::optional<Known> sort_members(EventLine& event, KnownTokens& tokens) {
  std::optional<Known> twice;
  for (const EventLine::Member& member : event.json.children()) {
    Known known = known_of(member.name_token);
    if (known == kKnownCount) {
      event.others.push_back(member);
    } else if (tokens[known].empty()) {
      tokens[known] = member.value_token;
    } else if (!twice) {
      twice = known;
    }
  }
  return twice;
}

bool absent(std::string_view token) { return token.empty() || kind_of(token) == JsonKind::null; }

// The text of a string member; empty when it is absent.
Problem read_text(EventLine& event, Known known, std::string_view token, std::string_view& text) {
  text = {};
  if (absent(token)) return {};
  if (kind_of(token) != JsonKind::string) return kind_fault(kNames[known], "a string", token);
  text = token.substr(1, token.size() - 2);
  if (text.find('\\') == std::string_view::npos) return {};
  size_t start = event.scratch.size();
  bool whole = append_decoded(event.scratch, token);
  text = std::string_view(event.scratch).substr(start);
  if (whole) return {};
  text = {};
  return std::string(kNames[known]) + " holds half of a surrogate pair, which is no text";
}

Problem read_seq(std::string_view token, std::optional<uint64_t>& seq) {
  if (absent(token)) return {};
  seq = parse_u64(token);
  if (seq) return {};
  return kind_fault("seq", "a whole number from 0 to 18446744073709551615", token);
}

// Reads all known members whatever is wrong with one of them, so that event_id is there for the answer.
Problem read_known(EventLine& event, const KnownTokens& tokens) {
  std::string_view source_time;
  Problem id = read_text(event, kEventId, tokens[kEventId], event.event_id);
  Problem type = read_text(event, kEventType, tokens[kEventType], event.event_type);
  Problem time = read_text(event, kSourceTime, tokens[kSourceTime], source_time);
  if (absent(tokens[kEventType])) type = "event_type is missing";
  if (!type) type = identifier_fault("event_type", event.event_type);
  event.event_type_token = tokens[kEventType];
  if (!event.event_id.empty()) event.event_id_token = tokens[kEventId];
  if (!source_time.empty()) event.source_time_token = tokens[kSourceTime];
  event.payload_token = tokens[kPayload].empty() ? "null" : tokens[kPayload];
  Problem seq = read_seq(tokens[kSeq], event.seq);
  for (Problem* problem : {&type, &id, &time, &seq}) {
    if (*problem) return std::move(*problem);
  }
  return {};
}

void clear(EventLine& event, size_t line_bytes) {
  event.event_type = event.event_id = {};
  event.event_type_token = event.event_id_token = event.source_time_token = event.payload_token = {};
  event.seq.reset();
  event.others.clear();
  event.scratch.clear();
  // Decoding never makes a text longer: with this much room, no view into `scratch` is moved away by the next
  // text.
  event.scratch.reserve(line_bytes);
}

}  // namespace

Scan scan_event(std::string_view line, EventLine& event, Fault& fault) {
  clear(event, line.size());
  if (Problem problem = event.json.scan(line)) {
    fault = {ErrorCode::bad_json, std::move(*problem)};
    return Scan::fault;
  }
  if (kind_of(event.json.value()) != JsonKind::object) {
    fault = {ErrorCode::bad_frame, kind_fault("a frame", "an object", event.json.value())};
    return Scan::fault;
  }
  KnownTokens tokens;
  std::optional<Known> twice = sort_members(event, tokens);
  if (absent(tokens[kType]) || kind_of(tokens[kType]) != JsonKind::string ||
      !token_is(tokens[kType], "event")) {
    return Scan::other;
  }
  Problem problem = read_known(event, tokens);
  if (twice) problem = std::string(kNames[*twice]) + " stands twice";
  if (!problem) return Scan::event;
  fault = {ErrorCode::bad_frame, std::move(*problem)};
  return Scan::fault;
}

std::optional<std::string> json_fault(std::string_view text) { return RawJson().scan(text, kMaxDepth - 1); }

}  // namespace bus
