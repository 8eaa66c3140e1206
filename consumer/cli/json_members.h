// Members of JSON objects that a hub has sent, as values: what is missing, or of another kind, is empty, zero or false.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rapidjson/document.h>

namespace bus::cli {

using Json = rapidjson::Value;

// Reads `text` into `document`; false when it is no JSON object. Iterative: what listens there may not be a hub, and
// nesting must not cost us the stack.
inline bool read_object(std::string_view text, rapidjson::Document& document) {
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(),
                                                                                         text.size());
  return !document.HasParseError() && document.IsObject();
}

inline const Json* member(const Json& object, const char* name) {
  auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

// RapidJSON asserts on the wrong type in debug builds only, and reads wild otherwise: every look is checked.
inline std::string text_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsString() ? std::string(value->GetString(), value->GetStringLength())
                                               : std::string();
}

inline uint64_t number_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsUint64() ? value->GetUint64() : 0;
}

inline std::optional<uint64_t> number_if_any(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsUint64() ? std::optional(value->GetUint64()) : std::nullopt;
}

inline int64_t pid_of(const Json& object, const char* name = "pid") {
  const Json* value = member(object, name);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
}

inline bool flag_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsTrue();
}

// Calls `take` for each object of the array called `name`.
template <class Take>
void for_each_in(const Json& object, const char* name, Take take) {
  const Json* array = member(object, name);
  if (array == nullptr || !array->IsArray()) return;
  for (const Json& element : array->GetArray()) {
    if (element.IsObject()) take(element);
  }
}

}  // namespace bus::cli
