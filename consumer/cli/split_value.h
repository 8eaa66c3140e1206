// A JSON value that is written over several lines, as pretty-printers write it, in a stream of one value per
// line: which lines are pieces of it. Holds the kinds of the brackets that are open, no text.
#pragma once

#include <string>
#include <string_view>

namespace bus::cli {

class SplitValue {
 public:
  // Whether a value goes on behind the last line.
  bool open() const { return !brackets_.empty(); }

  // Of a line that is no complete value: takes it as the first piece. False: it cannot be one, because it
  // does not begin a value, or ends inside a string.
  bool begin(std::string_view line);

  // Whether the line continues the value: what JSON allows after the piece before it, and either indented, or
  // a closing bracket, or after a comma or an opening bracket. After a line that does not, the value is over:
  // a line that was cut off costs no more than the line after it.
  bool take(std::string_view line);

 private:
  bool scan(std::string_view line);
  bool may_follow(std::string_view line) const;

  std::string brackets_;  // '{' or '['
  char last_ = 0;         // the last character that is no space
};

}  // namespace bus::cli
