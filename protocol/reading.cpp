#include "protocol/reading.h"

#include <algorithm>
#include <charconv>

#include "protocol/base/strings.h"
#include "protocol/json_text.h"
#include "protocol/member_name.h"

namespace bus {

void Reading::fail(std::string fault) {
  if (!fault_) fault_ = std::move(fault);
}

void Reading::take(std::span<const Member> members) {
  members_ = members;
  for (const Member& member : members) sort(member);
}

void Reading::take(std::string_view object_token) {
  Member member;
  for (JsonWalk members(object_token); members.next(member);) sort(member);
}

// Most writers keep the order of the wire, so that the name is mostly the one behind the one before.
void Reading::sort(const Member& member) {
  std::string_view written = member.name_token.substr(1, member.name_token.size() - 2);
  if (expected_ < names_.size() && written == names_[expected_] && tokens_[expected_].size == 0) {
    ++sorted_;
    tokens_[expected_++] = {member.value_token.data(), member.value_token.size()};
  } else if (MemberNames::Match match = names_.find(member.name_token); match.index != MemberNames::kMost) {
    sort_matched(member, match);
  }
}

void Reading::sort_matched(const Member& member, const MemberNames::Match& match) {
  std::string_view name = names_[match.index];
  Token& token = tokens_[match.index];
  if (!match.is_the_name)
    return fail((where_.empty() ? "" : "in " + std::string(where_.substr(0, where_.size() - 1)) + ", ") +
                case_fault(member.name_token, name));
  if (token.size != 0) return fail(full(name) + " is given twice; give it once");
  token = {member.value_token.data(), member.value_token.size()};
  ++sorted_;
  expected_ = match.index + 1;
}

// The text of a string; empty when it is absent. Good until the next one.
std::string_view Reading::plain_text(std::string_view name, std::string_view token) {
  if (token.empty()) return {};
  if (kind_of(token) != JsonKind::string) {
    fail(kind_fault(full(name), "a string", token));
    return {};
  }
  std::string_view text = token.substr(1, token.size() - 2);
  if (text.find('\\') == std::string_view::npos) return text;
  decoded_.clear();
  if (append_decoded(decoded_, token)) return decoded_;
  fail(full(name) + " holds half of a surrogate pair, which is no text");
  return {};
}

void Reading::number_unless(uint64_t absent, std::string_view name, uint64_t& value) {
  value = absent;
  std::string_view token = next();
  if (token.empty()) return;
  if (auto number = parse_u64(token)) {
    value = *number;
  } else {
    fail(kind_fault(full(name), "a whole number from 0 to 18446744073709551615", token));
  }
}

void Reading::number_unless(int64_t absent, std::string_view name, int64_t& value) {
  value = absent;
  std::string_view token = next();
  if (token.empty()) return;
  int64_t number = 0;
  auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (error == std::errc() && stop == token.data() + token.size()) {
    value = number;
  } else {
    fail(kind_fault(full(name), "a whole number of 64 bits", token));
  }
}

void Reading::number_within(uint64_t absent, std::string_view name, uint64_t& value, uint64_t least,
                            uint64_t most) {
  value = absent;
  std::string_view token = next();
  if (token.empty()) return;
  if (auto number = parse_u64(token); number && *number >= least && *number <= most) {
    value = *number;
  } else {
    fail(kind_fault(full(name),
                    "a whole number from " + std::to_string(least) + " to " + std::to_string(most), token));
  }
}

void Reading::number_if_any(std::string_view name, std::optional<uint64_t>& value) {
  value.reset();
  bool is_given = !value_at(asked_).empty();
  uint64_t number = 0;
  number_unless(uint64_t{0}, name, number);
  if (is_given) value = number;
}

void Reading::text(std::string_view name, std::string& value, size_t max_bytes) {
  value.clear();
  std::string_view text = plain_text(name, next());
  if (text.size() > max_bytes) {
    return fail(full(name) + " has " + std::to_string(text.size()) + " bytes; the limit is " +
                std::to_string(max_bytes));
  }
  value = text;
}

void Reading::identifier(std::string_view name, std::string& value) {
  value = plain_text(name, next_required(name));
  check_identifier(name, value);
}

void Reading::identifier_or_empty(std::string_view name, std::string& value) {
  value = plain_text(name, next());
  if (!value.empty()) check_identifier(name, value);
}

void Reading::id(std::string_view name, std::string& value) {
  value = plain_text(name, next_required(name));
  check_id(name, value);
}

void Reading::id_if_any(std::string_view name, std::string& value) {
  value = plain_text(name, next());
  if (!value.empty()) check_id(name, value);
}

void Reading::check_id(std::string_view name, std::string_view value) {
  if (value.empty() || value.size() > kMaxIdBytes) {
    return fail(full(name) + " has " + std::to_string(value.size()) + " bytes; it must have 1 to " +
                std::to_string(kMaxIdBytes));
  }
  check_identifier(name, value);
}

void Reading::others(std::vector<Member>& value) {
  value.clear();
  if (members_.size() == sorted_) return;
  for (const Member& member : members_) {
    if (names_.find(member.name_token).index == MemberNames::kMost) value.push_back(member);
  }
}

void Reading::identifiers(std::string_view name, std::vector<std::string>& value, size_t max_count) {
  value.clear();
  std::string_view token = next();
  if (!is_array(name, token)) return;
  Member element;
  size_t count = 0;
  for (JsonWalk counted(token); counted.next(element);) ++count;
  if (count > max_count) {
    return fail(full(name) + " has " + std::to_string(count) + " entries; the limit is " +
                std::to_string(max_count));
  }
  value.reserve(count);
  const std::string entry = std::string(name) + "[]";
  for (JsonWalk elements(token); !fault_ && elements.next(element);) {
    value.emplace_back(plain_text(entry, element.value_token));
    check_identifier(entry, value.back());
  }
}

bool Reading::is_array(std::string_view name, std::string_view token) {
  if (token.empty()) return false;
  if (kind_of(token) == JsonKind::array) return true;
  fail(kind_fault(full(name), "an array", token));
  return false;
}

void Reading::flag(std::string_view name, bool& value) {
  if (value_at(asked_).empty()) fail(full(name) + " is missing");
  flag_if_set(name, value);
}

void Reading::flag_unless(bool absent, std::string_view name, bool& value) {
  std::string_view token = next();
  value = token.empty() ? absent : token == "true";
  if (!token.empty() && !value && token != "false") fail(kind_fault(full(name), "true or false", token));
}

void Reading::need(std::string_view name, bool is_needed, const std::string& value) {
  if (!is_needed || !value.empty()) return;
  auto place = std::find(names_.all().begin(), names_.all().end(), name) - names_.all().begin();
  if (value_at(static_cast<size_t>(place)).empty()) fail(full(name) + " is missing");
  check_identifier(name, value);
}

}  // namespace bus
