// Goes over the elements of an array, or the members of an object, in a value that has been checked.
//
// Under reading.h, for what is nested in a frame. Checks nothing, because the frame's scan has done that, and
// allocates nothing. Linear, without recursion.
#pragma once

#include <string_view>

#include "protocol/raw_json.h"

namespace bus {

class JsonWalk {
 public:
  // `token` is a whole array or object, without space around it. It must outlive this.
  explicit JsonWalk(std::string_view token)
      : at_(token.data() + 1), end_(token.data() + token.size() - 1), is_object_(token.front() == '{') {}

  // The next one, without a name in an array. False at the end.
  bool next(Member& child);

 private:
  void skip_to_token();
  std::string_view take_value();
  void skip_string();
  void skip_nested();

  const char* at_;
  const char* end_;  // the closing bracket
  bool is_object_;
};

}  // namespace bus
