// The names of a message's members, and which of them a member of a frame has.
//
// Naming is the way (messages/way.h) that lists names; names_of() keeps the list of each message. Knows nothing of
// values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/base/check.h"

namespace bus {

class MemberNames {
 public:
  static constexpr size_t kMost = 24;

  // Of a-z and '_', not empty, and good for ever.
  void add(std::string_view name) {
    BUSD_CHECK(size_ < kMost);
    names_[size_++] = name;
    first_letters_ |= letter_bit(name.front());
  }

  size_t size() const { return size_; }
  std::string_view operator[](size_t i) const { return names_[i]; }
  std::span<const std::string_view> all() const { return {names_.data(), size_}; }

  struct Match {
    size_t index = kMost;     // kMost: none
    bool is_the_name = true;  // false: it differs in letter case (PROTOCOL.md 2)
  };
  // Of a string token with its quotes.
  Match find(std::string_view name_token) const {
    constexpr size_t kEmptyToken = 2;
    if (name_token.size() == kEmptyToken) return {};
    char first = name_token[1];
    bool is_plain = static_cast<unsigned char>(first) < 0x80 && first != '\\';
    // Nearly all unknown names end here.
    if (is_plain && (first_letters_ & letter_bit(first)) == 0) return {};
    return find_closely(name_token);
  }

 private:
  // The same for both cases of a letter.
  static uint32_t letter_bit(char c) { return uint32_t{1} << (static_cast<unsigned char>(c) & 0x1FU); }
  Match find_closely(std::string_view name_token) const;

  std::array<std::string_view, kMost> names_;
  size_t size_ = 0;
  uint32_t first_letters_ = 0;
};

class Naming {
 public:
  explicit Naming(MemberNames& names) : names_(names) {}

  template <class Value>
  void number(std::string_view name, const Value&) {
    names_.add(name);
  }
  template <class Value>
  void number_unless(Value, std::string_view name, const Value&) {
    names_.add(name);
  }
  template <class Value>
  void number_within(Value, std::string_view name, const Value&, Value, Value) {
    names_.add(name);
  }
  template <class Value>
  void number_if_any(std::string_view name, const Value&) {
    names_.add(name);
  }
  template <class Text, class... Limit>
  void text(std::string_view name, const Text&, Limit...) {
    names_.add(name);
  }
  template <class Text>
  void required_text(std::string_view name, const Text&) {
    names_.add(name);
  }
  template <class Text, class... Limit>
  void text_if_any(std::string_view name, const Text&, Limit...) {
    names_.add(name);
  }
  template <class Text>
  void identifier(std::string_view name, const Text&) {
    names_.add(name);
  }
  template <class Text>
  void identifier_or_empty(std::string_view name, const Text&) {
    names_.add(name);
  }
  template <class Text>
  void identifier_if_any(std::string_view name, const Text&) {
    names_.add(name);
  }
  template <class Texts>
  void identifiers(std::string_view name, const Texts&, size_t) {
    names_.add(name);
  }
  template <class Texts>
  void identifiers_if_any(std::string_view name, const Texts&, size_t) {
    names_.add(name);
  }
  void flag(std::string_view name, bool) { names_.add(name); }
  void flag_if_set(std::string_view name, bool) { names_.add(name); }
  void flag_unless(bool, std::string_view name, bool) { names_.add(name); }
  template <class Enum>
  void choice(std::string_view name, Enum) {
    names_.add(name);
  }
  template <class Enum>
  void choice_unless(Enum, std::string_view name, Enum) {
    names_.add(name);
  }
  template <class T>
  void object(std::string_view name, const T&) {
    names_.add(name);
  }
  template <class T>
  void list(std::string_view name, const T&) {
    names_.add(name);
  }
  template <class T>
  void object_if_any(std::string_view name, const T&) {
    names_.add(name);
  }
  template <class Text>
  void id(std::string_view name, const Text&) {
    names_.add(name);
  }
  template <class Text>
  void id_if_any(std::string_view name, const Text&) {
    names_.add(name);
  }
  void raw(std::string_view name, std::string_view) { names_.add(name); }
  void raw_if_any(std::string_view name, std::string_view) { names_.add(name); }
  void ignored(std::string_view name) { names_.add(name); }
  template <class Members>
  void others(const Members&) {}
  template <class Text>
  void need(std::string_view, bool, const Text&) {}

 private:
  MemberNames& names_;
};

// In the order of T's list; behind `type`, if T is a message and not nested in one.
template <class T>
const MemberNames& names_of() {
  static const MemberNames kNames = [] {
    MemberNames names;
    if constexpr (requires { T::kType; }) names.add("type");
    const T any{};
    Naming way(names);
    members(way, any);
    return names;
  }();
  return kNames;
}

}  // namespace bus
