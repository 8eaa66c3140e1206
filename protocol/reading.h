// The way (messages/way.h) that fills a message in from the members of an object, strictly (PROTOCOL.md 2).
//
// Under decode.h. The members are sorted by name in one pass; then the message's list asks for one after the other.
// The first thing that is wrong is remembered, and everything asked later counts as absent, so that a list needs
// no look at fault() before its end. null means absent everywhere.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/fault.h"
#include "protocol/json_walk.h"
#include "protocol/limits.h"
#include "protocol/naming.h"
#include "protocol/raw_json.h"

namespace bus {

class Reading {
 public:
  // `names` are those of the list that will ask. `where` goes before names in faults, such as "consumers[].". Both
  // must outlive this.
  explicit Reading(const MemberNames& names, std::string_view where = {}) : names_(names), where_(where) {
    std::fill_n(tokens_.begin(), names_.size(), Token{nullptr, 0});
  }

  // Sorts in the members of the object: all of these, or those of an object's token.
  void take(std::span<const Member> members);
  void take(std::string_view object_token);

  void number(std::string_view name, uint64_t& value) { number_unless(uint64_t{0}, name, value); }
  void number(std::string_view name, int64_t& value) { number_unless(int64_t{0}, name, value); }
  void number_unless(uint64_t absent, std::string_view name, uint64_t& value);
  void number_unless(int64_t absent, std::string_view name, int64_t& value);
  void number_within(uint64_t absent, std::string_view name, uint64_t& value, uint64_t least, uint64_t most);
  void number_if_any(std::string_view name, std::optional<uint64_t>& value);
  void text(std::string_view name, std::string& value, size_t max_bytes = kMaxFrameBytes);
  void text_if_any(std::string_view name, std::string& value, size_t max_bytes = kMaxFrameBytes) {
    text(name, value, max_bytes);
  }
  void identifier(std::string_view name, std::string& value);
  void identifier_or_empty(std::string_view name, std::string& value);
  void identifier_if_any(std::string_view name, std::string& value) { identifier_or_empty(name, value); }
  void identifiers(std::string_view name, std::vector<std::string>& value, size_t max_count);
  void identifiers_if_any(std::string_view name, std::vector<std::string>& value, size_t max_count) {
    identifiers(name, value, max_count);
  }
  void flag(std::string_view name, bool& value);
  void flag_if_set(std::string_view name, bool& value) { flag_unless(false, name, value); }
  void flag_unless(bool absent, std::string_view name, bool& value);
  void id(std::string_view name, std::string& value);
  void id_if_any(std::string_view name, std::string& value);
  void raw(std::string_view, std::string_view& value) {
    std::string_view token = next();
    value = token.empty() ? kNull : token;
  }
  void raw_if_any(std::string_view, std::string_view& value) { value = next(); }
  void ignored(std::string_view) { ++asked_; }
  void others(std::vector<Member>& value);
  void need(std::string_view name, bool is_needed, const std::string& value);

  template <class Enum>
  void choice(std::string_view name, Enum& value) {
    std::string_view text = plain_text(name, next_required(name));
    if (!fault_) choose(name, text, value);
  }
  template <class Enum>
  void choice_unless(Enum absent, std::string_view name, Enum& value) {
    std::string_view text = plain_text(name, next());
    value = absent;
    if (!text.empty()) choose(name, text, value);
  }
  template <class T>
  void object(std::string_view name, T& value) {
    std::string_view token = next();
    if (!token.empty()) read_object(std::string(name), token, value);
  }
  template <class T>
  void object_if_any(std::string_view name, std::optional<T>& value) {
    value.reset();
    std::string_view token = next();
    if (!token.empty()) read_object(std::string(name), token, value.emplace());
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& values) {
    values.clear();
    std::string_view token = next();
    if (!is_array(name, token)) return;
    JsonWalk elements(token);
    Member element;
    while (!fault_ && elements.next(element)) {
      read_object(std::string(name) + "[]", element.value_token, values.emplace_back());
    }
  }

  // For what is no member of a list: the first name is passed over, or its text must be there.
  void skip() { ++asked_; }
  void required_text(std::string_view name, std::string& value) {
    value = plain_text(name, next_required(name));
  }

  // One line.
  const std::optional<std::string>& fault() const { return fault_; }
  void fail(std::string fault);

 private:
  static constexpr std::string_view kNull = "null";

  void sort(const Member& member);
  void sort_matched(const Member& member, const MemberNames::Match& match);
  // The value of the name at `place`; empty when it is absent or null, and once something is wrong.
  std::string_view value_at(size_t place) const {
    std::string_view token(tokens_[place].data, tokens_[place].size);
    return fault_ || token == kNull ? std::string_view() : token;
  }
  std::string_view next() { return value_at(asked_++); }
  std::string_view next_required(std::string_view name) {
    std::string_view token = next();
    if (token.empty()) fail(full(name) + " is missing");
    return token;
  }
  std::string_view plain_text(std::string_view name, std::string_view token);
  void check_identifier(std::string_view name, std::string_view value) {
    if (!fault_ && !is_identifier(value)) fail(std::string(where_) + *identifier_fault(name, value));
  }
  void check_id(std::string_view name, std::string_view value);
  bool is_array(std::string_view name, std::string_view token);
  std::string full(std::string_view name) const { return std::string(where_) += name; }

  template <class Enum>
  void choose(std::string_view name, std::string_view text, Enum& value) {
    if (!read_name(text, value)) fail(full(name) + " must be " + choices_of(value));
  }
  template <class T>
  void read_object(const std::string& name, std::string_view token, T& value) {
    if (kind_of(token) != JsonKind::object) return fail(kind_fault(full(name), "an object", token));
    const std::string where = full(name) + ".";
    Reading inside(names_of<T>(), where);
    inside.take(token);
    members(inside, value);
    if (inside.fault_) fail(*inside.fault_);
  }

  // Left as it is found until the names are known: most messages have few.
  struct Token {
    const char* data;
    size_t size;
  };

  const MemberNames& names_;
  std::string_view where_;
  std::array<Token, MemberNames::kMost> tokens_;  // of values, by the place of their name; size 0: none
  std::string decoded_;                           // a text that has escapes
  std::span<const Member> members_;               // all of a frame
  size_t sorted_ = 0;                             // members that the list names
  size_t expected_ = 0;                           // the place of the name that may come next
  size_t asked_ = 0;                              // names
  std::optional<std::string> fault_;
};

}  // namespace bus
