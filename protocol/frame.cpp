#include "protocol/frame.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/base/strings.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"
#include "protocol/member_name.h"

namespace bus {

namespace {

static_assert(scan::kMaxLevels == kMaxDepth);

using Problem = std::optional<std::string>;

enum Known : uint8_t { kType, kEventType, kEventId, kSourceTime, kSeq, kPayload, kKnownCount };

constexpr std::array<std::string_view, kKnownCount> kNames = {"type",        "event_type", "event_id",
                                                              "source_time", "seq",        "payload"};

constexpr std::string_view kEventToken = "\"event\"";

// A frame may have 200 000 members; the room for so rare a one is not kept for the next.
constexpr size_t kMembersKept = 65'536;

}  // namespace

// What an event's members are sorted into. It is made anew for each line, so only what says that nothing is there
// yet is written then: g++ clears six views by an instruction (rep stos) that takes 5 % of a short event's time.
class SortedMembers {
 public:
  // Empty when the member is not there.
  std::string_view operator[](Known known) const {
    return has(known) ? std::string_view(tokens_[known].text, tokens_[known].bytes) : std::string_view();
  }
  // The first token of a member counts.
  void add(Known known, std::string_view token) {
    if (!has(known)) {
      there_ |= 1U << known;
      tokens_[known] = {token.data(), token.size()};
    } else if (twice == kKnownCount) {
      twice = known;
    }
  }

  Known twice = kKnownCount;  // the first that stands twice
  // The first whose name is a known one in other letters.
  Known lookalike = kKnownCount;
  std::string_view lookalike_token;

 private:
  struct Token {
    const char* text;
    size_t bytes;
  };
  bool has(Known known) const { return (there_ >> known & 1U) != 0; }

  unsigned there_ = 0;  // a bit for each member
  std::array<Token, kKnownCount> tokens_;
};

namespace {

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

void sort_member(EventLine& event, SortedMembers& sorted, const Member& member) {
  Known known = known_of(member.name_token);
  if (known == kKnownCount) {
    event.others.push_back(member);
    if (sorted.lookalike != kKnownCount) return;
    sorted.lookalike = lookalike_of(member.name_token);
    if (sorted.lookalike != kKnownCount) sorted.lookalike_token = member.name_token;
  } else {
    sorted.add(known, member.value_token);
  }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// What stands from `begin` to before `end` in text that the scan has accepted, without the space around it. There
// is something, and outside strings nothing but space is as low as that.
std::string_view token_between(std::string_view text, size_t begin, size_t end) {
  while (text[begin] <= ' ') ++begin;
  while (text[end - 1] <= ' ') --end;
  return text.substr(begin, end - begin);
}

// The member whose colon is mark `i`. The first `known` bytes, which end behind a comma, are not marked.
Member member_at(const scan::Marks& marks, size_t i, std::string_view object, size_t known) {
  size_t begin = i == 0 ? std::max<size_t>(known, 1) : marks[i - 1] + size_t{1};
  size_t end = i + 1 < marks.size() ? marks[i + 1] : object.size() - 1;
  return {token_between(object, begin, marks[i]), token_between(object, marks[i] + size_t{1}, end)};
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
bool read_plain(EventLine& event, const SortedMembers& sorted) {
  std::string_view source_time;
  if (sorted.twice != kKnownCount || sorted.lookalike != kKnownCount || !sorted[kSeq].empty() ||
      !plain_text(sorted[kEventType], event.event_type) || !plain_text(sorted[kEventId], event.event_id) ||
      !plain_text(sorted[kSourceTime], source_time)) {
    return false;
  }
  // An identifier, as far as JSON has not seen to that: DEL is a control character to us, and not to JSON.
  if (event.event_type.empty() || event.event_type.size() > kMaxIdentifierBytes ||
      std::memchr(event.event_type.data(), 0x7F, event.event_type.size()) != nullptr) {
    return false;
  }
  event.event_type_token = sorted[kEventType];
  if (!event.event_id.empty()) event.event_id_token = sorted[kEventId];
  if (!source_time.empty()) event.source_time_token = sorted[kSourceTime];
  event.payload_token = sorted[kPayload].empty() ? "null" : sorted[kPayload];
  return true;
}

// Reads all known members whatever is wrong with one of them, so that event_id is there for the answer.
Problem read_known(EventLine& event, size_t line_bytes, const SortedMembers& sorted) {
  std::string_view source_time;
  Problem id = read_text(event, line_bytes, kEventId, sorted[kEventId], event.event_id);
  Problem type = read_text(event, line_bytes, kEventType, sorted[kEventType], event.event_type);
  Problem time = read_text(event, line_bytes, kSourceTime, sorted[kSourceTime], source_time);
  if (absent(sorted[kEventType])) type = "event_type is missing";
  if (!type) type = identifier_fault("event_type", event.event_type);
  event.event_type_token = sorted[kEventType];
  if (!event.event_id.empty()) event.event_id_token = sorted[kEventId];
  if (!source_time.empty()) event.source_time_token = sorted[kSourceTime];
  event.payload_token = sorted[kPayload].empty() ? "null" : sorted[kPayload];
  Problem seq = read_seq(sorted[kSeq], event.seq);
  if (sorted.lookalike != kKnownCount) return case_fault(sorted.lookalike_token, kNames[sorted.lookalike]);
  if (sorted.twice != kKnownCount) return std::string(kNames[sorted.twice]) + " is given twice; give it once";
  for (Problem* problem : {&type, &id, &time, &seq}) {
    if (*problem) return std::move(*problem);
  }
  return {};
}

void clear(EventLine& event) {
  for (std::string_view* text : {&event.event_type, &event.event_id, &event.event_type_token,
                                 &event.event_id_token, &event.source_time_token, &event.payload_token}) {
    *text = {};
  }
  event.seq.reset();
  event.others.clear();
  event.scratch.clear();
}

std::string_view without_space(std::string_view line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  return line;
}

bool is_event(const SortedMembers& sorted) {
  std::string_view type = sorted[kType];
  if (type == kEventToken) return true;
  // With escapes it is longer.
  return type.size() > kEventToken.size() && kind_of(type) == JsonKind::string && token_is(type, "event");
}

// The type of an accepted object that begins with it, as nearly all do, and that is no event; else empty. The
// first `type` decides, so that no other member need be looked at.
std::string_view other_type_in_front(std::string_view object, const scan::Marks& marks) {
  constexpr std::string_view kStart = R"({"type":")";
  if (!object.starts_with(kStart)) return {};
  size_t end = marks.size() > 1 ? marks[1] : object.size() - 1;
  std::string_view type = object.substr(kStart.size(), end - kStart.size() - 1);
  bool is_plain = object[end - 1] == '"' && type.find('\\') == std::string_view::npos;
  return is_plain && type != "event" ? type : std::string_view();
}

}  // namespace

// Where `object` goes on behind what it has in common with the event before; 0 when that is not a known
// beginning.
inline size_t FrameScanner::known_bytes(std::string_view object, SortedMembers& sorted) const {
  if (beginning_.empty() || !object.starts_with(beginning_)) return 0;
  sorted.add(kType, kEventToken);
  sorted.add(kEventType, object.substr(beginning_type_at_, beginning_type_bytes_));
  return beginning_.size();
}

FrameKind FrameScanner::scan(std::string_view line, EventLine& event) {
  std::string_view object = without_space(line);
  SortedMembers sorted;
  size_t known = known_bytes(object, sorted);
  clear(event);
  if (!check_(object.data(), object.size(), known, marks_)) return scan_slowly(line, event);
  if (known == 0) {
    std::string_view type = other_type_in_front(object, marks_);
    if (!type.empty()) return take_other({object, type, marked_members(object)});
  }
  for (size_t i = 0; i < marks_.size(); i += 2) {
    sort_member(event, sorted, member_at(marks_, i, object, known));
  }
  if (!is_event(sorted)) return take_other({object, type_of(sorted), marked_members(object)});
  if (!read_plain(event, sorted)) return judge_event(event, line.size(), sorted);
  if (known == 0) remember(object, sorted);
  return FrameKind::event;
}

// The judge's way.
FrameKind FrameScanner::scan_slowly(std::string_view line, EventLine& event) {
  if (Problem problem = json_.scan(line)) return refuse(ErrorCode::bad_json, std::move(*problem));
  if (kind_of(json_.value()) != JsonKind::object) {
    return refuse(ErrorCode::bad_frame, kind_fault("a frame", "an object", json_.value()));
  }
  SortedMembers sorted;
  for (const Member& member : json_.children()) sort_member(event, sorted, member);
  if (is_event(sorted)) return judge_event(event, line.size(), sorted);
  return take_other({json_.value(), type_of(sorted), json_.children()});
}

FrameKind FrameScanner::judge_event(EventLine& event, size_t line_bytes, const SortedMembers& sorted) {
  Problem problem = read_known(event, line_bytes, sorted);
  return problem ? refuse(ErrorCode::bad_frame, std::move(*problem)) : FrameKind::event;
}

// The text of `type`; empty when it has none.
std::string_view FrameScanner::type_of(const SortedMembers& sorted) {
  std::string_view token = sorted[kType];
  if (absent(token) || kind_of(token) != JsonKind::string) return {};
  type_.clear();
  return append_decoded(type_, token) ? std::string_view(type_) : std::string_view();
}

FrameKind FrameScanner::take_other(const Frame& frame) {
  frame_ = frame;
  return FrameKind::other;
}

FrameKind FrameScanner::refuse(ErrorCode code, std::string message) {
  fault_ = {code, std::move(message)};
  return FrameKind::fault;
}

std::span<const Member> FrameScanner::marked_members(std::string_view object) {
  if (members_.capacity() > kMembersKept) members_ = {};
  size_t count = (marks_.size() + 1) / 2;
  if (members_.size() < count) members_.resize(count);
  size_t begin = 1;
  for (size_t i = 0; i < count; ++i) {
    size_t colon = marks_[2 * i];
    size_t end = 2 * i + 1 < marks_.size() ? marks_[2 * i + 1] : object.size() - 1;
    members_[i] = {token_between(object, begin, colon), token_between(object, colon + 1, end)};
    begin = end + 1;
  }
  return std::span<const Member>(members_).first(count);
}

// Remembers how `object`, a plain event, begins.
void FrameScanner::remember(std::string_view object, const SortedMembers& sorted) {
  constexpr size_t kMostRemembered = 512;
  if (marks_.size() < 4 || marks_[3] >= kMostRemembered) return;
  const char* type = sorted[kType].data();
  const char* event_type = sorted[kEventType].data();
  const char* first_end = object.data() + marks_[1];
  const char* second_end = object.data() + marks_[3];
  if (type > first_end || event_type < first_end || event_type > second_end) return;
  beginning_.assign(object.data(), marks_[3] + size_t{1});
  beginning_type_at_ = static_cast<size_t>(event_type - object.data());
  beginning_type_bytes_ = sorted[kEventType].size();
}

}  // namespace bus
