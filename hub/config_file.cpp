#include "hub/config_file.h"

#include <set>
#include <vector>

#include "hub/settings.h"
#include "protocol/base/config_lines.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

Result<void> apply_line(const Result<ConfigLine>& line, std::set<std::string>& seen, Options& options) {
  if (!line) return line.error();
  std::string name(line->name);
  BUSD_ASSIGN(std::vector<std::string> values, config_values(line->value));
  const Setting* setting = find_setting(name);
  if (setting == nullptr)
    return Error{Errc::invalid, "unknown setting " + bus::printable(name) + "; see busd --help"};
  if (!seen.insert(name).second) return Error{Errc::invalid, name + " is given twice"};
  if (values.empty() || (!setting->repeatable && values.size() != 1)) {
    return Error{Errc::invalid, name + " takes one value; one with spaces or commas needs quotes"};
  }
  auto done = setting->read(options, values);
  if (!done) return Error{Errc::invalid, name + ": " + done.error().what};
  return {};
}

}  // namespace

Result<void> apply_config(std::string_view text, const std::string& name, Options& options) {
  std::set<std::string> seen;
  ConfigLines lines(text);
  while (auto line = lines.next()) {
    auto done = apply_line(*line, seen, options);
    if (!done)
      return Error{Errc::invalid, name + ":" + std::to_string(lines.number()) + ": " + done.error().what};
  }
  return {};
}

}  // namespace bus::hub
