#include "hub/config_file.h"

#include <algorithm>
#include <set>
#include <vector>

#include "hub/settings.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

constexpr std::string_view kSpaces = " \t\r";

std::string_view without_spaces_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpaces), text.size()));
}

std::string_view trimmed(std::string_view text) {
  return without_spaces_before(text.substr(0, text.find_last_not_of(kSpaces) + 1));
}

bool is_end(std::string_view rest) { return rest.empty() || rest.front() == '#'; }

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
  while (!is_end(rest) && rest.front() != ']') {
    BUSD_ASSIGN(std::string value, take_value(rest));
    values.push_back(std::move(value));
    if (rest.starts_with(',')) {
      rest = without_spaces_before(rest.substr(1));
    } else if (!rest.starts_with(']')) {
      return unfinished;
    }
  }
  if (is_end(rest)) return unfinished;
  rest = without_spaces_before(rest.substr(1));
  return values;
}

struct Line {
  std::string name;
  std::vector<std::string> values;
};

// `line` has no spaces around it, and is not empty.
Result<Line> read_line(std::string_view line) {
  if (line.front() == '[') return Error{Errc::invalid, "there are no sections here: write name = value"};
  size_t equals = std::min(line.find('='), line.size());
  Line out;
  out.name = trimmed(line.substr(0, equals));
  std::string_view rest = without_spaces_before(line.substr(std::min(equals + 1, line.size())));
  if (out.name.empty() || is_end(rest)) {
    return Error{Errc::invalid, "write name = value, not " + bus::printable(line)};
  }
  if (rest.front() == '[') {
    BUSD_ASSIGN(out.values, take_list(rest));
  } else {
    BUSD_ASSIGN(std::string value, take_value(rest));
    out.values.push_back(std::move(value));
  }
  if (!is_end(rest)) out.values.clear();  // more than it can be
  return out;
}

Result<void> apply_line(std::string_view text, std::set<std::string>& seen, Options& options) {
  std::string_view content = trimmed(text);
  if (is_end(content) || content.front() == ';') return {};
  BUSD_ASSIGN(Line line, read_line(content));
  const Setting* setting = find_setting(line.name);
  if (setting == nullptr)
    return Error{Errc::invalid, "unknown setting " + bus::printable(line.name) + "; see busd --help"};
  if (!seen.insert(line.name).second) return Error{Errc::invalid, line.name + " is given twice"};
  if (line.values.empty() || (!setting->repeatable && line.values.size() != 1)) {
    return Error{Errc::invalid, line.name + " takes one value; one with spaces or commas needs quotes"};
  }
  auto done = setting->read(options, line.values);
  if (!done) return Error{Errc::invalid, line.name + ": " + done.error().what};
  return {};
}

}  // namespace

Result<void> apply_config(std::string_view text, const std::string& name, Options& options) {
  if (text.starts_with("\xEF\xBB\xBF"))
    return Error{Errc::invalid,
                 name + ":1: the file begins with a byte order mark (BOM): save it as UTF-8 without one"};
  std::set<std::string> seen;
  for (size_t number = 1; !text.empty(); ++number) {
    size_t end = std::min(text.find('\n'), text.size());
    auto done = apply_line(text.substr(0, end), seen, options);
    if (!done) return Error{Errc::invalid, name + ":" + std::to_string(number) + ": " + done.error().what};
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

}  // namespace bus::hub
