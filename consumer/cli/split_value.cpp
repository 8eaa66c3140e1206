#include "consumer/cli/split_value.h"

namespace bus::cli {

namespace {

constexpr std::string_view kSpaces = " \t\r";
constexpr size_t kDeepest = 512;  // no payload is nested more deeply (PROTOCOL.md 2)

}  // namespace

bool SplitValue::begin(std::string_view line) {
  brackets_.clear();
  size_t first = line.find_first_not_of(kSpaces);
  if (first == std::string_view::npos || (line[first] != '{' && line[first] != '[')) return false;
  if (!scan(line)) brackets_.clear();
  return open();
}

bool SplitValue::take(std::string_view line) {
  if (line.find_first_not_of(kSpaces) == std::string_view::npos) return true;
  if (may_follow(line) && scan(line)) return true;
  brackets_.clear();
  return false;
}

// By the first character alone: the rest is not looked at so closely.
bool SplitValue::may_follow(std::string_view line) const {
  size_t at = line.find_first_not_of(kSpaces);
  char first = line[at];
  char bracket = brackets_.back();
  bool closes = first == '}' || first == ']';
  if (closes) return last_ != ',' && last_ != ':' && (first == '}') == (bracket == '{');
  bool separates = first == ',' || first == ':';
  bool expects_more = last_ == ',' || last_ == ':' || last_ == '{' || last_ == '[';
  if (separates == expects_more) return false;
  if (separates || last_ == ':') return separates || at > 0;
  return bracket == '[' || first == '"';
}

// Follows brackets and strings to the end of the line; false: it ends inside a string, closes what is not
// open, or goes on behind the end of the value.
bool SplitValue::scan(std::string_view line) {
  bool in_string = false;
  bool begun = open();
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (kSpaces.find(c) == std::string_view::npos) {
      if (begun && !open()) return false;
      if (c == '"') in_string = true;
      if (c == '{' || c == '[') {
        if (brackets_.size() >= kDeepest) return false;
        brackets_ += c;
        begun = true;
      }
      if (c == '}' || c == ']') {
        if (!open() || (brackets_.back() == '{') != (c == '}')) return false;
        brackets_.pop_back();
      }
      last_ = c;
    }
  }
  return !in_string;
}

}  // namespace bus::cli
