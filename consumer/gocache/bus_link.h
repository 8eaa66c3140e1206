// What the bus is told (--bus): the events gocache.run and gocache.evicted, and the value gocache.totals.
#pragma once

#include <optional>
#include <string>

#include "consumer/cli/command_line.h"
#include "consumer/gocache/prune.h"
#include "consumer/gocache/run_log.h"

namespace bus::gocache {

struct News {
  std::string directory;
  RunRecord run;
  std::optional<Upkeep::Pruned> pruned;
  uint64_t disk_bytes = 0;  // that the cache takes
};

// Starts a hub if none runs. What fails is nobody's loss.
void tell_bus(const cli::Place& place, const News& news);

// As JSON, without braces: ,"files":…
std::string json_of(const Upkeep::Pruned& pruned);

}  // namespace bus::gocache
