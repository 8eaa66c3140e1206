// The table of busd's settings: everything that may stand on the command line and in a configuration file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hub/options.h"
#include "protocol/base/result.h"

namespace bus::hub {

struct Setting {
  const char* name;        // "queue-frames"
  const char* value_name;  // "N"
  const char* help;
  bool repeatable;
  // Reads the setting's text (all of them when repeatable) into the options. Error invalid: what is wrong and
  // what is right.
  Result<void> (*read)(Options& options, const std::vector<std::string>& texts);
  // Texts that read() takes; none when it is not set.
  std::vector<std::string> (*print)(const Options& options);
};

std::span<const Setting> settings();
const Setting* find_setting(const std::string& name);

}  // namespace bus::hub
