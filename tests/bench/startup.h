// How long a first client waits for a hub that is not there yet: busd as the SDK starts it, beside servers
// that a user would have to start himself.
//
// busd: start_daemon() until its readiness line has been read and a connection stands. The others: fork and
// exec until their socket takes a connection, which is before they serve it. The programs are in the page
// cache: the first run of each is not counted.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "protocol/base/result.h"

namespace bus::bench {

struct StartupOptions {
  std::vector<std::pair<std::string, std::string>> hubs;  // column name and path of each busd
  std::string directory;                                  // scratch, ours alone
  size_t runs = 20;
};

struct StartupRow {
  std::string name;
  double median_ms = 0;
  double p90_ms = 0;
  double to_first_hub = 0;  // median divided by that of the first of `hubs`
  std::string fault;        // why there are no times; empty when there are
};

// Every hub, then redis-server and mosquitto; one run of each, then the next. Error: a directory cannot be
// made.
Result<std::vector<StartupRow>> measure_startup(const StartupOptions& options);

}  // namespace bus::bench
