// The files of the cache, one after another.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "consumer/gocache/place.h"

namespace bus::gocache {

struct CacheFile {
  int directory;     // DIR/xx
  const char* name;  // in it
  Named what;
  uint64_t bytes = 0;       // its size
  uint64_t disk_bytes = 0;  // what it takes on the disk
  int64_t used_ns = 0;      // when it was used last, since 1970
};

// All regular files that are named as the cache names them, or those of one kind, in no order. What comes or goes meanwhile may be seen or not.
void for_each_file(const Place& place, std::optional<Kind> kind,
                   const std::function<void(const CacheFile&)>& take);

}  // namespace bus::gocache
