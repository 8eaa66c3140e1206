#include "protocol/json_scan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/base/strings.h"
#include "protocol/limits.h"
#include "protocol/member_name.h"

namespace bus {

namespace {

static_assert(scan::kMaxLevels == kMaxDepth);

using Problem = std::optional<std::string>;

enum Known : size_t { kType, kEventType, kEventId, kSourceTime, kSeq, kPayload, kKnownCount };

constexpr std::array<std::string_view, kKnownCount> kNames = {"type",        "event_type", "event_id",
                                                              "source_time", "seq",        "payload"};

constexpr std::string_view kEventToken = "\"event\"";

// What an event's members are sorted into.
struct Sorted {
  std::array<std::string_view, kKnownCount> tokens;
  std::optional<Known> twice;  // the first that stands twice
  // The first whose name is a known one in other letters.
  std::string_view lookalike_token;
  Known lookalike = kKnownCount;
};

// Their lengths differ, so that one comparison is enough for a name without escapes.
Known plain_known_of(std::string_view name) {
  auto is = [&](Known known) { return name == kNames[known] ? known : kKnownCount; };
  switch (name.size()) {
    case kNames[kType].size():
      return is(kType);
    case kNames[kEventType].size():
      return is(kEventType);
    case kNames[kEventId].size():
      return is(kEventId);
    case kNames[kSourceTime].size():
      return is(kSourceTime);
    case kNames[kSeq].size():
      return is(kSeq);
    case kNames[kPayload].size():
      return is(kPayload);
    default:
      return kKnownCount;
  }
}

Known known_of(std::string_view name_token) {
  Known known = plain_known_of(name_token.substr(1, name_token.size() - 2));
  if (known != kKnownCount || name_token.find('\\') == std::string_view::npos) return known;
  size_t escaped = 0;
  while (escaped < kKnownCount && !token_is(name_token, kNames[escaped])) ++escaped;
  return static_cast<Known>(escaped);
}

Known lookalike_of(std::string_view name_token) {
  size_t known = 0;
  while (known < kKnownCount && !differs_in_case_only(name_token, kNames[known])) ++known;
  return static_cast<Known>(known);
}

void sort_member(EventLine& event, Sorted& sorted, const EventLine::Member& member) {
  Known known = known_of(member.name_token);
  if (known == kKnownCount) {
    event.others.push_back(member);
    if (sorted.lookalike != kKnownCount) return;
    sorted.lookalike = lookalike_of(member.name_token);
    if (sorted.lookalike != kKnownCount) sorted.lookalike_token = member.name_token;
  } else if (sorted.tokens[known].empty()) {
    sorted.tokens[known] = member.value_token;
  } else if (!sorted.twice) {
    sorted.twice = known;
  }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// What stands from `begin` to before `end`, without the space around it; there is something.
std::string_view token_between(std::string_view text, size_t begin, size_t end) {
  while (is_space(text[begin])) ++begin;
  while (is_space(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

// From offset `known` on, which is 0 or behind a comma.
void sort_marked(EventLine& event, Sorted& sorted, std::string_view object, size_t known) {
  const scan::Marks& marks = event.marks;
  for (size_t i = 0; i < marks.size(); i += 2) {
    size_t begin = i == 0 ? std::max<size_t>(known, 1) : marks[i - 1] + size_t{1};
    size_t end = i + 1 < marks.size() ? marks[i + 1] : object.size() - 1;
    sort_member(event, sorted,
                {token_between(object, begin, marks[i]), token_between(object, marks[i] + size_t{1}, end)});
  }
}

// Remembers how `object`, a plain event, begins.
void remember(EventLine& event, const Sorted& sorted, std::string_view object) {
  constexpr size_t kMostRemembered = 512;
  const scan::Marks& marks = event.marks;
  if (marks.size() < 4 || marks[3] >= kMostRemembered) return;
  const char* type = sorted.tokens[kType].data();
  const char* event_type = sorted.tokens[kEventType].data();
  const char* first_end = object.data() + marks[1];
  const char* second_end = object.data() + marks[3];
  if (type > first_end || event_type < first_end || event_type > second_end) return;
  event.known.assign(object.data(), marks[3] + size_t{1});
  event.known_type_at = static_cast<size_t>(event_type - object.data());
  event.known_type_bytes = sorted.tokens[kEventType].size();
}

// Where `object` goes on behind what it has in common with the one before; 0 when that is not a known
// beginning.
size_t known_bytes(const EventLine& event, Sorted& sorted, std::string_view object) {
  if (event.known.empty() || !object.starts_with(event.known)) return 0;
  sorted.tokens[kType] = kEventToken;
  sorted.tokens[kEventType] = object.substr(event.known_type_at, event.known_type_bytes);
  return event.known.size();
}

bool absent(std::string_view token) { return token.empty() || kind_of(token) == JsonKind::null; }

// The text of a string member; empty when it is absent.
Problem read_text(EventLine& event, size_t line_bytes, Known known, std::string_view token,
                  std::string_view& text) {
  text = {};
  if (absent(token)) return {};
  if (kind_of(token) != JsonKind::string) return kind_fault(kNames[known], "a string", token);
  text = token.substr(1, token.size() - 2);
  if (text.find('\\') == std::string_view::npos) return {};
  // Decoding never makes a text longer: with this much room, no view into `scratch` is moved away by the next
  // text.
  if (event.scratch.empty()) event.scratch.reserve(line_bytes);
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

// Whether `token` is a string without escapes, which then stands for what is between its quotes; so does an
// absent one, for nothing.
bool plain_text(std::string_view token, std::string_view& text) {
  text = {};
  if (token.empty()) return true;
  if (token.front() != '"') return false;
  text = token.substr(1, token.size() - 2);
  return std::memchr(text.data(), '\\', text.size()) == nullptr;
}

// Nearly all events: no name twice or in other letters, no escapes in what the hub reads, no null, no seq.
// False for the others, and then nothing is decided.
bool read_plain(EventLine& event, const Sorted& sorted) {
  const auto& tokens = sorted.tokens;
  std::string_view source_time;
  if (sorted.twice || sorted.lookalike != kKnownCount || !tokens[kSeq].empty() ||
      !plain_text(tokens[kEventType], event.event_type) || !plain_text(tokens[kEventId], event.event_id) ||
      !plain_text(tokens[kSourceTime], source_time)) {
    return false;
  }
  // An identifier, as far as JSON has not seen to that: DEL is a control character to us, and not to JSON.
  if (event.event_type.empty() || event.event_type.size() > kMaxIdentifierBytes ||
      std::memchr(event.event_type.data(), 0x7F, event.event_type.size()) != nullptr) {
    return false;
  }
  event.event_type_token = tokens[kEventType];
  if (!event.event_id.empty()) event.event_id_token = tokens[kEventId];
  if (!source_time.empty()) event.source_time_token = tokens[kSourceTime];
  event.payload_token = tokens[kPayload].empty() ? "null" : tokens[kPayload];
  return true;
}

// Reads all known members whatever is wrong with one of them, so that event_id is there for the answer.
Problem read_known(EventLine& event, size_t line_bytes, const Sorted& sorted) {
  const auto& tokens = sorted.tokens;
  std::string_view source_time;
  Problem id = read_text(event, line_bytes, kEventId, tokens[kEventId], event.event_id);
  Problem type = read_text(event, line_bytes, kEventType, tokens[kEventType], event.event_type);
  Problem time = read_text(event, line_bytes, kSourceTime, tokens[kSourceTime], source_time);
  if (absent(tokens[kEventType])) type = "event_type is missing";
  if (!type) type = identifier_fault("event_type", event.event_type);
  event.event_type_token = tokens[kEventType];
  if (!event.event_id.empty()) event.event_id_token = tokens[kEventId];
  if (!source_time.empty()) event.source_time_token = tokens[kSourceTime];
  event.payload_token = tokens[kPayload].empty() ? "null" : tokens[kPayload];
  Problem seq = read_seq(tokens[kSeq], event.seq);
  if (sorted.lookalike != kKnownCount) return case_fault(sorted.lookalike_token, kNames[sorted.lookalike]);
  if (sorted.twice) return std::string(kNames[*sorted.twice]) + " is given twice; give it once";
  for (Problem* problem : {&type, &id, &time, &seq}) {
    if (*problem) return std::move(*problem);
  }
  return {};
}

void clear(EventLine& event) {
  event.event_type = event.event_id = {};
  event.event_type_token = event.event_id_token = event.source_time_token = event.payload_token = {};
  event.seq.reset();
  event.others.clear();
  event.scratch.clear();
}

std::string_view without_space(std::string_view line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  return line;
}

bool is_event(const Sorted& sorted) {
  std::string_view type = sorted.tokens[kType];
  if (type == kEventToken) return true;
  return !absent(type) && kind_of(type) == JsonKind::string && token_is(type, "event");
}

Scan judge_event(EventLine& event, size_t line_bytes, const Sorted& sorted, Fault& fault) {
  Problem problem = read_known(event, line_bytes, sorted);
  if (!problem) return Scan::event;
  fault = {ErrorCode::bad_frame, std::move(*problem)};
  return Scan::fault;
}

// The judge's way: for lines that are no events, and for those that something is wrong with.
Scan scan_slowly(std::string_view line, EventLine& event, Fault& fault) {
  event.others.clear();
  if (Problem problem = event.json.scan(line)) {
    fault = {ErrorCode::bad_json, std::move(*problem)};
    return Scan::fault;
  }
  if (kind_of(event.json.value()) != JsonKind::object) {
    fault = {ErrorCode::bad_frame, kind_fault("a frame", "an object", event.json.value())};
    return Scan::fault;
  }
  Sorted sorted;
  for (const EventLine::Member& member : event.json.children()) sort_member(event, sorted, member);
  return is_event(sorted) ? judge_event(event, line.size(), sorted, fault) : Scan::other;
}

}  // namespace

Scan scan_event(std::string_view line, EventLine& event, Fault& fault) {
  clear(event);
  std::string_view object = without_space(line);
  Sorted sorted;
  size_t known = known_bytes(event, sorted, object);
  if (event.check(object.data(), object.size(), known, event.marks)) {
    sort_marked(event, sorted, object, known);
    if (is_event(sorted)) {
      if (!read_plain(event, sorted)) return judge_event(event, line.size(), sorted, fault);
      if (known == 0) remember(event, sorted, object);
      return Scan::event;
    }
  }
  return scan_slowly(line, event, fault);
}

std::optional<std::string> json_fault(std::string_view text) { return RawJson().scan(text, kMaxDepth - 1); }

}  // namespace bus
