// Messages to lines: encode() writes what a message lists (messages/way.h), in order and without spaces.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_writer.h"
#include "protocol/raw_json.h"

namespace bus {

class Writing {
 public:
  explicit Writing(std::string& out) : writer_(out) {}

  template <class Integer>
  void number(std::string_view name, Integer value) {
    writer_.number(name, value);
  }
  template <class Integer>
  void number_unless(Integer absent, std::string_view name, const Integer& value) {
    if (value != absent) writer_.number(name, value);
  }
  template <class Integer>
  void number_within(Integer absent, std::string_view name, const Integer& value, Integer, Integer) {
    number_unless(absent, name, value);
  }
  template <class Integer>
  void number_if_any(std::string_view name, const std::optional<Integer>& value) {
    if (value) writer_.number(name, *value);
  }
  void text(std::string_view name, std::string_view value, size_t = 0) { writer_.text(name, value); }
  void required_text(std::string_view name, std::string_view value) { writer_.text(name, value); }
  void text_if_any(std::string_view name, std::string_view value, size_t = 0) {
    writer_.text_if_any(name, value);
  }
  void identifier(std::string_view name, std::string_view value) { writer_.text(name, value); }
  void identifier_or_empty(std::string_view name, std::string_view value) { writer_.text(name, value); }
  void identifier_if_any(std::string_view name, std::string_view value) { writer_.text_if_any(name, value); }
  void identifiers(std::string_view name, const std::vector<std::string>& value, size_t) {
    writer_.texts(name, value);
  }
  void identifiers_if_any(std::string_view name, const std::vector<std::string>& value, size_t) {
    if (!value.empty()) writer_.texts(name, value);
  }
  void flag(std::string_view name, bool value) { writer_.flag(name, value); }
  void flag_if_set(std::string_view name, bool value) { writer_.flag_if_set(name, value); }
  void flag_unless(bool absent, std::string_view name, bool value) {
    if (value != absent) writer_.flag(name, value);
  }
  template <class Enum>
  void choice(std::string_view name, Enum value) {
    writer_.text(name, name_of(value));
  }
  template <class Enum>
  void choice_unless(Enum absent, std::string_view name, Enum value) {
    if (value != absent) choice(name, value);
  }
  template <class T>
  void object(std::string_view name, const T& value) {
    append(writer_.member(name), value);
  }
  template <class T>
  void list(std::string_view name, const std::vector<T>& values) {
    writer_.list(name, values, append<T>);
  }
  template <class T>
  void object_if_any(std::string_view name, const std::optional<T>& value) {
    if (value) object(name, *value);
  }
  void id(std::string_view name, std::string_view value) { writer_.text(name, value); }
  void id_if_any(std::string_view name, std::string_view value) { writer_.text_if_any(name, value); }
  void raw(std::string_view name, std::string_view json) { writer_.raw(name, json); }
  void raw_if_any(std::string_view name, std::string_view json) {
    if (!json.empty()) writer_.raw(name, json);
  }
  void ignored(std::string_view) {}
  void others(const std::vector<Member>& members) {
    for (const Member& member : members) writer_.raw_member(member.name_token, member.value_token);
  }
  void need(std::string_view, bool, std::string_view) {}

  // `value` as an object; a message with its type first.
  template <class T>
  static void append(std::string& out, const T& value) {
    Writing writing(out);
    if constexpr (requires { T::kType; }) writing.text("type", T::kType);
    members(writing, value);
    writing.writer_.end();
  }

 private:
  ObjectWriter writer_;
};

// Appends one line with its LF.
template <class T>
requires requires { T::kType; }
void encode_to(std::string& out, const T& message) {
  Writing::append(out, message);
  out += '\n';
}

template <class T>
requires requires { T::kType; }
std::string encode(const T& message) {
  std::string out;
  encode_to(out, message);
  return out;
}

}  // namespace bus
