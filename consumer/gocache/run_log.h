// What each run did, as a line of JSON in DIR/bus-gocache/runs.ndjson.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "consumer/gocache/place.h"
#include "protocol/json_writer.h"

namespace bus::gocache {

struct Counts {
  uint64_t gets = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t hit_bytes = 0;       // of the outputs that were handed out
  uint64_t evicted_misses = 0;  // misses of what was pruned lately
  uint64_t waited_hits = 0;     // hits of what another run was building
  uint64_t waited_ms = 0;       // for that, and for what then did not come
  uint64_t puts = 0;
  uint64_t put_bytes = 0;
  uint64_t stored_bytes = 0;  // what the cache takes more on the disk
  uint64_t elsewhere = 0;     // puts that the cache could not take
  uint64_t healed = 0;        // entries that were damaged, and removed
  uint64_t refused = 0;       // requests that were no good

  void add(const Counts& other);
};

struct RunRecord {
  int64_t began_ns = 0;  // since 1970
  int64_t ended_ns = 0;
  int64_t pid = 0;
  std::string parent;  // "go build"
  Counts counts;
};

// The counts, as members of an object.
void add_members(ObjectWriter& writer, const Counts& counts);
std::string json_of(const RunRecord& record);

void note_run(const Place& place, const RunRecord& record);
// The oldest first. What is no record is passed over.
void for_each_run(const Place& place, const std::function<void(const RunRecord&)>& take);
// Keeps those of the last 30 days, and at most 10 000 of them. For the process that holds the lock.
void shorten_run_log(const Place& place, int64_t now_ns);

}  // namespace bus::gocache
