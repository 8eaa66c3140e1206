// What people and programs are told of a cache: bus-gocache stats and top.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "consumer/gocache/core/limits.h"
#include "consumer/gocache/place.h"
#include "consumer/gocache/prune.h"
#include "consumer/gocache/run_log.h"

namespace bus::gocache {

// What the runs did, by day of local time, and the last ones of them.
struct Statistics {
  struct Day {
    uint64_t runs = 0;
    Counts counts;
  };
  std::map<std::string, Day> days;  // "2026-12-01"
  std::vector<RunRecord> last;      // the newest first
  uint64_t runs = 0;
  Counts all;
};
Statistics statistics_of(const Place& place, size_t rows);

std::string stats_text(const Place& place, const Statistics& statistics, const Upkeep::Size& size,
                       const Limits& limits, size_t rows);
std::string stats_json(const Place& place, const Statistics& statistics, const Upkeep::Size& size,
                       const Limits& limits);

// What takes the room: by kind, and the largest outputs.
struct Inventory {
  struct Part {
    uint64_t files = 0;
    uint64_t disk_bytes = 0;
    int64_t used_ns = 0;  // when one of them was used last
  };
  struct Output {
    std::string path;
    std::string kind;
    uint64_t bytes = 0;
    int64_t used_ns = 0;
  };
  std::map<std::string, Part> kinds;
  std::vector<Output> largest;
  uint64_t disk_bytes = 0;
};
Inventory inventory_of(const Place& place, size_t rows);

std::string top_text(const Inventory& inventory, int64_t now_ns);
std::string top_json(const Inventory& inventory);

}  // namespace bus::gocache
