#include "consumer/src/client_core/hub_event.h"

#include <cstdint>

#include "protocol/limits.h"

namespace bus::sdk {

namespace {

constexpr std::string_view kStart = R"({"type":"event","event_type":)";
constexpr std::string_view kPayload = R"(,"payload":)";

// With one digit more, a number may need more than 64 bits.
constexpr size_t kMostSeqDigits = 19;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool take(std::string_view& rest, std::string_view what) {
  if (!rest.starts_with(what)) return false;
  rest.remove_prefix(what.size());
  return true;
}

// The string at the front of `rest`, with its quotes. Nothing when there is none, or it has escapes, or is
// empty: a hub leaves out what is empty.
std::string_view plain_string(std::string_view rest) {
  if (!rest.starts_with('"')) return {};
  size_t quote = rest.find('"', 1);
  if (quote == std::string_view::npos || quote == 1) return {};
  std::string_view token = rest.substr(0, quote + 1);
  return token.find('\\') == std::string_view::npos ? token : std::string_view();
}

std::string_view inside(std::string_view token) { return token.substr(1, token.size() - 2); }

// How many digits `rest` begins with; 0 for a number that a hub does not write: it counts from 1.
size_t seq_digits(std::string_view rest) {
  if (rest.starts_with('0')) return 0;
  size_t digits = 0;
  while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
  return digits <= kMostSeqDigits ? digits : 0;
}

uint64_t number(std::string_view digits) {
  uint64_t value = 0;
  for (char digit : digits) value = value * 10 + static_cast<uint64_t>(digit - '0');
  return value;
}

// The payload, when `rest` is a payload and the frame's end; else nothing. A hub writes no space around it.
std::string_view payload_of(std::string_view rest) {
  if (rest.size() < 2 || rest.back() != '}') return {};
  rest.remove_suffix(1);
  return is_space(rest.front()) || is_space(rest.back()) ? std::string_view() : rest;
}

// Takes a member with a string value, if it comes next. False: it does, but is for FrameScanner.
bool take_optional(std::string_view& rest, std::string_view name, std::string_view& token) {
  if (!take(rest, name)) return true;
  token = plain_string(rest);
  rest.remove_prefix(token.size());
  return !token.empty();
}

void fill(EventLine& event, std::string_view type, std::string_view id, std::string_view time, uint64_t seq,
          std::string_view payload) {
  event.event_type = inside(type);
  event.event_id = id.empty() ? id : inside(id);
  event.event_type_token = type;
  event.event_id_token = id;
  event.source_time_token = time;
  event.payload_token = payload;
  event.seq = seq;
  event.others.clear();
}

}  // namespace

bool HubEventReader::read(std::string_view line, EventLine& event) {
  if (!expected_.empty() && line.starts_with(expected_)) {
    std::string_view payload = payload_of(line.substr(expected_.size()));
    if (payload.empty()) return false;
    fill(event, line.substr(kStart.size(), type_bytes_), {}, {}, seq_, payload);
    count_up();
    return true;
  }
  std::string_view rest = line;
  if (!take(rest, kStart)) return false;
  std::string_view type = plain_string(rest);
  if (type.empty() || type.size() > kMaxIdentifierBytes + 2) return false;
  rest.remove_prefix(type.size());
  std::string_view id;
  std::string_view time;
  if (!take_optional(rest, R"(,"event_id":)", id)) return false;
  if (!take_optional(rest, R"(,"source_time":)", time)) return false;
  if (!take(rest, R"(,"seq":)")) return false;
  size_t digits = seq_digits(rest);
  uint64_t seq = number(rest.substr(0, digits));
  rest.remove_prefix(digits);
  if (digits == 0 || !take(rest, kPayload)) return false;
  std::string_view payload = payload_of(rest);
  if (payload.empty()) return false;
  fill(event, type, id, time, seq, payload);
  expected_.clear();
  if (id.empty() && time.empty()) expect_next(line.substr(0, line.size() - rest.size()), event);
  return true;
}

// `head`: the frame up to its payload.
void HubEventReader::expect_next(std::string_view head, const EventLine& event) {
  expected_ = head;
  seq_end_ = head.size() - kPayload.size();
  type_bytes_ = event.event_type_token.size();
  seq_ = *event.seq;
  count_up();
}

void HubEventReader::count_up() {
  ++seq_;
  size_t at = seq_end_ - 1;
  while (expected_[at] == '9') expected_[at--] = '0';
  if (expected_[at] == ':') {
    expected_.clear();  // one digit more: too rare to be worth making room for it
  } else {
    ++expected_[at];
  }
}

}  // namespace bus::sdk
