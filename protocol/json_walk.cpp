#include "protocol/json_walk.h"

#include <cstring>

namespace bus {

bool JsonWalk::next(Member& child) {
  skip_to_token();
  if (at_ == end_) return false;
  child.name_token = {};
  if (is_object_) {
    child.name_token = take_value();
    skip_to_token();
  }
  child.value_token = take_value();
  return true;
}

// What stands between two tokens has been checked, so it need not be told apart.
void JsonWalk::skip_to_token() {
  while (at_ != end_ &&
         (*at_ == ' ' || *at_ == ',' || *at_ == ':' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) {
    ++at_;
  }
}

std::string_view JsonWalk::take_value() {
  const char* begin = at_;
  if (*at_ == '"') {
    skip_string();
  } else if (*at_ == '{' || *at_ == '[') {
    skip_nested();
  } else {
    constexpr std::string_view kBehindScalar = ", \t\r\n";
    while (at_ != end_ && kBehindScalar.find(*at_) == std::string_view::npos) ++at_;
  }
  return {begin, static_cast<size_t>(at_ - begin)};
}

void JsonWalk::skip_string() {
  for (++at_;; ++at_) {
    at_ = static_cast<const char*>(std::memchr(at_, '"', static_cast<size_t>(end_ - at_)));
    const char* backslashes = at_;
    while (backslashes[-1] == '\\') --backslashes;
    if ((at_ - backslashes) % 2 == 0) break;  // else the last of them escapes the quote
  }
  ++at_;
}

void JsonWalk::skip_nested() {
  size_t depth = 0;
  do {
    if (*at_ == '"') {
      skip_string();
      continue;
    }
    if (*at_ == '{' || *at_ == '[') ++depth;
    if (*at_ == '}' || *at_ == ']') --depth;
    ++at_;
  } while (depth > 0);
}

}  // namespace bus
