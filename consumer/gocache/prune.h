// Keeps the cache within its limits, while builds go on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "consumer/gocache/core/limits.h"
#include "consumer/gocache/place.h"
#include "consumer/gocache/walk.h"

namespace bus::gocache {

// One at a time counts and prunes; the lock ends with this.
class Upkeep {
 public:
  // Waits so long for another process that has it. Error busy: it still has it.
  static Result<Upkeep> begin(Place& place, std::chrono::milliseconds patience);

  struct Size {
    uint64_t disk_bytes = 0;
    int64_t counted_ns = 0;  // when all files were looked at; 0: never
  };
  static Size size_of(const Place& place);
  static void forget_size(const Place& place);
  Size size() const { return size_of(place_); }
  // A run has put so much more.
  void add(uint64_t disk_bytes);
  // Whether the limits ask for a look at all files.
  bool is_due(const Limits& limits, int64_t now_ns) const;

  struct Pruned {
    uint64_t files = 0;       // that went
    uint64_t disk_bytes = 0;  // likewise
    uint64_t entries = 0;     // of them, what was known of actions
    uint64_t left_bytes = 0;  // that the cache takes now
    uint64_t left_files = 0;
    // More would have gone, were it not for builds that run, or for paths that were printed within a day.
    bool held_by_builds = false;
    bool held_by_paths = false;
  };
  Pruned prune(const Limits& limits, int64_t now_ns);
  // Removes everything that no build was given.
  Pruned clear(int64_t now_ns);

 private:
  Upkeep(Place& place, Fd lock) : place_(place), lock_(std::move(lock)) {}
  void set_size(const Size& size) const;
  void remove_before(int64_t wanted, bool with_escaped, int64_t now_ns, Pruned& out);
  bool remove(const CacheFile& file, int64_t cutoff) const;

  Place& place_;
  Fd lock_;
};

// Bytes that anybody may still write to the disk.
uint64_t free_bytes_of(const Place& place);
uint64_t disk_size_of(const Place& place);

}  // namespace bus::gocache
