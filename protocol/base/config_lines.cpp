#include "protocol/base/config_lines.h"

#include <algorithm>

#include "protocol/base/strings.h"

namespace bus {

namespace {

constexpr std::string_view kSpaces = " \t\r";

std::string_view without_spaces_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpaces), text.size()));
}

std::string_view trimmed(std::string_view text) {
  return without_spaces_before(text.substr(0, text.find_last_not_of(kSpaces) + 1));
}

// `line` has no spaces around it, and is not empty.
Result<ConfigLine> read_line(std::string_view line) {
  if (line.front() == '[') return Error{Errc::invalid, "there are no sections here: write name = value"};
  size_t equals = std::min(line.find('='), line.size());
  std::string_view name = trimmed(line.substr(0, equals));
  std::string_view value = without_spaces_before(line.substr(std::min(equals + 1, line.size())));
  if (name.empty() || is_config_end(value))
    return Error{Errc::invalid, "write name = value, not " + printable(line)};
  return ConfigLine{name, value};
}

// Takes one value from the beginning of `rest`, which is not empty: in quotes, or up to what may stand behind
// it.
Result<std::string> take_value(std::string_view& rest) {
  char quote = rest.front();
  bool bare = quote != '"' && quote != '\'';
  size_t begin = bare ? 0 : 1;
  size_t end = bare ? std::min(rest.find_first_of(" \t\r,#[]\"'"), rest.size()) : rest.find(quote, 1);
  if (end == std::string_view::npos) {
    return Error{Errc::invalid, std::string("the quote ") + quote + " is not closed"};
  }
  if (bare && end == 0) return Error{Errc::invalid, std::string("a value cannot begin with ") + quote};
  std::string value(rest.substr(begin, end - begin));
  rest = without_spaces_before(rest.substr(bare ? end : end + 1));
  return value;
}

// What stands between the brackets, behind the first of them.
Result<std::vector<std::string>> take_list(std::string_view& rest) {
  Error unfinished{Errc::invalid, "a list must stand on one line, between [ and ]"};
  std::vector<std::string> values;
  rest = without_spaces_before(rest.substr(1));
  while (!is_config_end(rest) && rest.front() != ']') {
    BUSD_ASSIGN(std::string value, take_value(rest));
    values.push_back(std::move(value));
    if (rest.starts_with(',')) {
      rest = without_spaces_before(rest.substr(1));
    } else if (!rest.starts_with(']')) {
      return unfinished;
    }
  }
  if (is_config_end(rest)) return unfinished;
  rest = without_spaces_before(rest.substr(1));
  return values;
}

}  // namespace

bool is_config_end(std::string_view rest) { return rest.empty() || rest.front() == '#'; }

std::optional<Result<ConfigLine>> ConfigLines::next() {
  if (number_ == 0 && rest_.starts_with("\xEF\xBB\xBF")) {
    rest_.remove_prefix(3);
    number_ = 1;
    Error marked{Errc::invalid, "the file begins with a byte order mark (BOM): save it as UTF-8 without one"};
    return Result<ConfigLine>(std::move(marked));
  }
  while (!rest_.empty()) {
    size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view line = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    if (!is_config_end(line) && line.front() != ';') return read_line(line);
  }
  return std::nullopt;
}

Result<std::vector<std::string>> config_values(std::string_view value) {
  std::vector<std::string> values;
  if (value.starts_with('[')) {
    BUSD_ASSIGN(values, take_list(value));
  } else {
    BUSD_ASSIGN(std::string one, take_value(value));
    values.push_back(std::move(one));
  }
  if (!is_config_end(value)) values.clear();
  return values;
}

}  // namespace bus
