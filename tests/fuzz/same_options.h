// Options of busd, printed and read back, are the same options. Shared by the fuzz targets of the command
// line and of the configuration file.
#pragma once

#include <string>
#include <variant>

#include "hub/config_file.h"
#include "hub/options.h"
#include "protocol/base/check.h"

namespace bus::fuzz {

inline void check_file_reads_back(const hub::Options& options) {
  std::string text = hub::print_config(options);
  hub::Options again;
  auto done = hub::apply_config(text, "printed.conf", again);
  BUSD_CHECK(done);
  BUSD_CHECK(hub::print_config(again) == text);
}

// Of options that parse_options() has found possible together.
inline void check_arguments_read_back(const hub::Options& options) {
  auto again = hub::parse_options(hub::to_arguments(options));
  const auto* parsed = std::get_if<hub::Options>(&again);
  BUSD_CHECK(parsed != nullptr);
  BUSD_CHECK(hub::print_config(*parsed) == hub::print_config(options));
}

}  // namespace bus::fuzz
