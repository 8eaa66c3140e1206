// The members of one JSON object as a message's decoder asks for them: by name, typed, within limits.
//
// Under codec.h. The first thing that is wrong is remembered, and every later question answered with nothing;
// so that a decoder is a list of questions with one look at fault() at its end. null means absent everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/raw_json.h"

namespace bus {

class Fields {
 public:
  // `where` goes before names in faults, such as "consumers[]."
  explicit Fields(std::span<const Member> children, std::string where = {})
      : children_(children), where_(std::move(where)) {}

  // Empty when absent.
  std::string text(std::string_view name, size_t max_bytes = kMaxFrameBytes);
  // Empty when absent or empty; else an identifier.
  std::string optional_identifier(std::string_view name);
  // Must be there.
  std::string identifier(std::string_view name);
  bool required_flag(std::string_view name);
  std::string required_text(std::string_view name);

  // Integer literals in range; `otherwise` when absent.
  int64_t integer(std::string_view name, int64_t otherwise = 0);
  uint64_t count(std::string_view name);
  // false when absent.
  bool flag(std::string_view name);
  // At most `max_count` identifiers.
  std::vector<std::string> identifiers(std::string_view name, size_t max_count);

  // Calls `read` with the Fields of each object in the array `name`; nothing when it is absent.
  template <class Read>
  void each_object(std::string_view name, Read read) {
    RawJson list;
    if (!open_array(name, list)) return;
    for (const Member& element : list.children()) {
      RawJson object;
      if (!open_object(std::string(name) + "[]", element.value_token, object)) return;
      Fields fields(object.children(), where_ + std::string(name) + "[].");
      read(fields);
      if (fields.fault_) return fail(*fields.fault_);
    }
  }

  // Calls `read` with the Fields of the object `name`; nothing when it is absent.
  template <class Read>
  void object(std::string_view name, Read read) {
    std::string_view token = find(name);
    RawJson inside;
    if (token.empty() || !open_object(std::string(name), token, inside)) return;
    Fields fields(inside.children(), where_ + std::string(name) + ".");
    read(fields);
    if (fields.fault_) fail(*fields.fault_);
  }

  // For what a decoder finds itself; kept if it is the first.
  void fail(std::string fault);
  const std::optional<std::string>& fault() const { return fault_; }

 private:
  std::string_view find(std::string_view name);
  std::string_view find_required(std::string_view name);
  std::string decoded(std::string_view name, std::string_view token);
  bool open_array(std::string_view name, RawJson& list);
  bool open_object(std::string_view name, std::string_view token, RawJson& object);
  std::string full(std::string_view name) const { return where_ + std::string(name); }

  std::span<const Member> children_;
  std::string where_;
  std::optional<std::string> fault_;
};

}  // namespace bus
