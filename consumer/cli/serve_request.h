// A request as bus-serve gives it to a command: a line on its stdin, and the rest in its environment. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/command.h"

namespace bus::cli {

struct ServeRequest {
  uint64_t number = 0;  // of the connection
  std::string task;
  std::string args;  // raw JSON, one line
  std::string source;
  int64_t pid = 0;
  uint64_t uid = 0;
  uint64_t timeout_ms = 0;  // what was left when it came; 0: no deadline
  bool stream = false;
};

ServeRequest request_of(uint64_t number, const busd_request& from);

// $BUSD_TASK and the others; `streams`: whether each line of the command is a part of the answer. What there
// is not is empty: a variable of the same name that bus-serve itself was given must not be taken for it.
Variables variables_of(const ServeRequest& request, bool streams);

}  // namespace bus::cli
