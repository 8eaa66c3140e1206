// What the cache has of an action.
#pragma once

#include <optional>
#include <string>

#include "consumer/gocache/core/entry.h"
#include "consumer/gocache/place.h"

namespace bus::gocache {

class Cache {
 public:
  // An output that was used last before the run began gets a new time stamp when it is handed out: that is what keeps it from being pruned.
  Cache(Place& place, int64_t began_ns) : place_(place), began_ns_(began_ns) {}

  struct Found {
    Entry entry;
    std::string path;  // of the output, absolute
  };
  // Nothing: a miss. An entry whose output is not whole is removed with it.
  std::optional<Found> get(const Id& action);

  // Whether what is known of the action can be read, and leads to an output of its size.
  static bool is_whole(const Place& place, const Id& action);

  // The output is in the cache. False: it cannot be noted; errno says why.
  bool put(const Entry& entry, const std::string& run);

  uint64_t healed() const { return healed_; }

 private:
  bool renew(const std::string& action, const struct stat& its, const std::string& output,
             const struct stat& outputs, const Id& id) const;
  void remove(const Id& action, const Id* output);

  Place& place_;
  int64_t began_ns_;
  uint64_t healed_ = 0;
};

}  // namespace bus::gocache
