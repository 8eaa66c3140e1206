// list and status: what bus-sources says of its sources, once or, with --watch, again and again.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"

namespace bus::cli {

struct ListWish {
  std::optional<std::chrono::milliseconds> watch;  // how often
  bool json = false;
};

// Each returns the exit status.
int list_sources(const Place& place, const ListWish& wish, const Console& console);
int show_source(const Place& place, const std::string& name, bool json, const Console& console);

}  // namespace bus::cli
