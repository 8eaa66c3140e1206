// Writes one JSON object member by member, without spaces, in the order of the calls.
//
// Under encode.h. Numbers are integers only; names are ours and need no escapes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.h"

namespace bus {

class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  void text(std::string_view name, std::string_view value) { append_json_string(member(name), value); }
  void text_if_any(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  template <class Integer>
  void number(std::string_view name, Integer value) {
    member(name) += std::to_string(value);
  }
  void flag(std::string_view name, bool value) { member(name) += value ? "true" : "false"; }
  void flag_if_set(std::string_view name, bool value) {
    if (value) flag(name, value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    list(name, values, [](std::string& out, const std::string& value) { append_json_string(out, value); });
  }
  // `append(out, value)` writes one element.
  template <class T, class Append>
  void list(std::string_view name, const std::vector<T>& values, Append append) {
    std::string& out = member(name);
    out += '[';
    for (const T& value : values) {
      append(out, value);
      out += ',';
    }
    if (!values.empty()) out.pop_back();
    out += ']';
  }
  void raw(std::string_view name, std::string_view json) { member(name) += json; }

  // Both as they stand in a frame that has been checked.
  void raw_member(std::string_view name_token, std::string_view value_token) {
    separate();
    out_ += name_token;
    out_ += ':';
    out_ += value_token;
  }

  // A name, decoded and not ours; then a value is to be appended to what is returned.
  std::string& foreign_member(std::string_view name) {
    separate();
    append_json_string(out_, name);
    return out_ += ':';
  }
  std::string& member(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    return out_ += "\":";
  }
  void end() { out_ += '}'; }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace bus
