// What the bus is told (--bus): the events gocache.run and gocache.evicted, and the value gocache.totals.
#pragma once

#include <optional>
#include <string>

#include "consumer/gocache/options.h"
#include "consumer/gocache/prune.h"
#include "consumer/gocache/run_log.h"

namespace bus::gocache {

struct Totals {
  uint64_t runs = 0;
  Counts counts;
};
struct News {
  std::string directory;
  RunRecord run;
  Totals totals;
  std::optional<Upkeep::Pruned> pruned;
  uint64_t disk_bytes = 0;  // that the cache takes
};

// Starts a hub if none runs, unless the options say otherwise. What fails is nobody's loss.
void tell_bus(const Options& given, const News& news);

std::string json_of(const Upkeep::Pruned& pruned);

}  // namespace bus::gocache
