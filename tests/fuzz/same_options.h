// Options of busd, printed and read back, are the same options. Shared by the fuzz targets of the command
// line and of the configuration file.
#pragma once

#include <string>
#include <variant>

#include "hub/config_file.h"
#include "hub/options.h"
#include "protocol/base/check.h"

namespace bus::fuzz {

inline void check_reads_back(const hub::Options& options) {
  std::string text = hub::print_config(options);
  hub::Options by_file;
  auto done = hub::apply_config(text, "printed.conf", by_file);
  BUSD_CHECK(done);
  BUSD_CHECK(hub::print_config(by_file) == text);

  auto by_arguments = hub::parse_options(hub::to_arguments(options));
  const auto* parsed = std::get_if<hub::Options>(&by_arguments);
  BUSD_CHECK(parsed != nullptr);
  BUSD_CHECK(hub::print_config(*parsed) == text);
}

}  // namespace bus::fuzz
