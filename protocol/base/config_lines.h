// The lines of a configuration file: `name = value`, one setting to a line.
//
// From a `#` that begins a word on, a line is a comment, and so is a line that begins with `;`. Which names there are
// and what a value may be is for the reader of the file to say; most values are those of config_values().
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace bus {

struct ConfigLine {
  std::string_view name;
  std::string_view value;  // all that stands behind the `=`, from the first word on; not empty
};

class ConfigLines {
 public:
  explicit ConfigLines(std::string_view text) : rest_(text) {}

  // The next line that says something; nothing at the end of the file. Error invalid: what is wrong with the line,
  // as one line for people. The lines behind it can be read all the same.
  std::optional<Result<ConfigLine>> next();

  // Of the line that next() returned, from 1.
  size_t number() const { return number_; }

 private:
  std::string_view rest_;
  size_t number_ = 0;
};

// Whether nothing but a comment is left of a value.
bool is_config_end(std::string_view rest);

// The value of one setting: bare, or between quotes of either kind when it holds anything else than what a name may
// hold; there are no escapes. A list [a, b] has several values. None: more stands there than one value.
// Error invalid: a quote or a list that is not closed.
Result<std::vector<std::string>> config_values(std::string_view value);

}  // namespace bus
