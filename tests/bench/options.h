// What bus-bench is told on its command line.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/bench/measure.h"
#include "tests/bench/shape.h"

namespace bus::bench {

struct Options {
  GroupFilter filter;
  Effort effort;
  bool pinned = true;  // server and generator have a cpu each
  size_t startup_runs = 30;
  std::vector<std::pair<std::string, std::string>> hubs;  // column name and path of each busd; at least one
  std::vector<std::string> only;                          // names of contenders, see is_named(); empty: all
  std::string json_file;                                  // empty: none
  std::string own_directory;                              // where the programs built beside bus-bench are
};

// Why there is nothing to measure: --help, or what is wrong.
struct Ending {
  int code = 0;
  std::string text;
};

std::variant<Options, Ending> parse_options(int argc, char** argv);

// Whether one of `words` is `name`, or its beginning, whatever the case and what is neither letter nor digit:
// "null" and "dbus" name "null hub" and "dbus-daemon".
bool is_named(const std::vector<std::string>& words, const std::string& name);

}  // namespace bus::bench
