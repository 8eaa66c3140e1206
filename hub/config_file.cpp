#include "hub/config_file.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <vector>

#include <CLI/CLI.hpp>

#include "hub/settings.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

// CLI11's reader cuts comments inside quoted text too, so they are taken out before; and it takes a quote
// that is not closed as part of the text.
Result<std::string_view> without_comment(std::string_view line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      return line.substr(0, i);
    }
  }
  if (quote != 0) return Error{Errc::invalid, std::string("the quote ") + quote + " is not closed"};
  return line;
}

std::string_view trimmed(std::string_view line) {
  size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

Result<CLI::ConfigItem> read_line(const std::string& line) {
  if (line.front() == '[') return Error{Errc::invalid, "there are no sections here: write name = value"};
  size_t equals = line.find('=');
  std::string_view value =
      equals == std::string::npos ? "" : trimmed(std::string_view(line).substr(equals + 1));
  if (value.empty()) return Error{Errc::invalid, "write name = value, not " + bus::quoted(line)};
  if (value.front() == '[' && value.back() != ']') {
    return Error{Errc::invalid, "a list must stand on one line, between [ and ]"};
  }
  // CLI11 keeps no line numbers; so it is given one line at a time.
  class Reader : public CLI::ConfigBase {
   public:
    // No character is a comment's beginning any more; NUL cannot stand in a line that read_path would accept.
    Reader() { comment('\0'); }
  };
  std::vector<CLI::ConfigItem> items;
  std::istringstream input(line);
  try {
    items = Reader().from_config(input);
  } catch (const CLI::Error& error) {
    return Error{Errc::invalid, error.what()};
  }
  if (items.size() != 1) return Error{Errc::invalid, "write name = value, not " + bus::quoted(line)};
  return items.front();
}

Result<void> apply_line(std::string_view text, std::set<std::string>& seen, Options& options) {
  if (trimmed(text).starts_with(';')) return {};
  BUSD_ASSIGN(std::string_view content, without_comment(text));
  std::string line(trimmed(content));
  if (line.empty()) return {};
  BUSD_ASSIGN(CLI::ConfigItem item, read_line(line));
  std::string name = item.fullname();
  const Setting* setting = find_setting(name);
  if (setting == nullptr)
    return Error{Errc::invalid, "unknown setting " + bus::quoted(name) + "; see busd --help"};
  if (!seen.insert(name).second) return Error{Errc::invalid, name + " stands twice"};
  if (item.inputs.empty() || (!setting->repeatable && item.inputs.size() != 1)) {
    return Error{Errc::invalid, name + " takes one value; one with spaces or commas needs quotes"};
  }
  auto done = setting->read(options, item.inputs);
  if (!done) return Error{Errc::invalid, name + ": " + done.error().what};
  return {};
}

}  // namespace

Result<void> apply_config(std::string_view text, const std::string& name, Options& options) {
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
