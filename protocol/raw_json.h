// One JSON value by its bytes: checked whole, and its immediate children as raw tokens.
//
// Under frame.h, as the judge behind its scan. The reader
// of untrusted JSON is in raw_json.cpp and nowhere else: RapidJSON's SAX reader, iterative, encoding checked,
// depth limited. Builds no tree and converts no number. Knows nothing of messages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"

namespace bus {

enum class JsonKind { null, boolean, number, string, array, object };

// What a value token is; by its first byte, since it has been checked.
inline JsonKind kind_of(std::string_view token) {
  switch (token[0]) {
    case 'n':
      return JsonKind::null;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case '"':
      return JsonKind::string;
    case '[':
      return JsonKind::array;
    case '{':
      return JsonKind::object;
    default:
      return JsonKind::number;
  }
}

// "NAME must be WANTED, not a number", for messages.
std::string kind_fault(std::string_view name, std::string_view wanted, std::string_view token);

// A member of an object by its raw tokens, or an element of an array.
struct Member {
  std::string_view name_token;   // with its quotes, as on the wire; empty in an array
  std::string_view value_token;  // raw JSON, without the space around it
};

// Checks JSON texts. Reuse one for many: it keeps its buffers, and allocates nothing in steady state.
class RawJson {
 public:
  RawJson();
  ~RawJson();
  RawJson(RawJson&&) noexcept;
  RawJson& operator=(RawJson&&) noexcept;

  // Checks that `text` is one JSON value (RFC 8259, valid UTF-8, no NUL, nested at most `max_depth` levels,
  // itself the first) and nothing else but white space. Returns one line that says what is wrong and where,
  // or nothing when it is fine.
  //
  // Linear in the size of `text`, and the machine stack does not grow with its nesting.
  std::optional<std::string> scan(std::string_view text, size_t max_depth = kMaxDepth);

  // Of the text that was scanned last, if it was fine; views into it.
  std::string_view value() const { return value_; }
  const std::vector<Member>& children() const { return children_; }

 private:
  class Reader;
  std::optional<std::string> scan_harmless_copy(std::string_view text, size_t max_depth);

  std::unique_ptr<Reader> reader_;
  std::string_view value_;
  std::vector<Member> children_;
};

// Checks that `text` is one JSON value and nothing else, by the same rules as inside a frame, where it is one
// level deeper. Returns the fault's message, or nothing when it is fine.
std::optional<std::string> json_fault(std::string_view text);

}  // namespace bus
