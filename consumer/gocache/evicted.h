// The actions that were pruned lately: what tells that a miss is the price of a limit.
//
// DIR/bus-gocache/evicted holds the first eight bytes of each action's id, sorted; evicted.1 those of the time before.
#pragma once

#include <cstdint>
#include <sys/types.h>
#include <vector>

#include "consumer/gocache/place.h"

namespace bus::gocache {

class Evicted {
 public:
  // Of what the two files hold. nullptr: nothing.
  explicit Evicted(const Place* place) : place_(place) {}
  Evicted(const Evicted&) = delete;
  Evicted& operator=(const Evicted&) = delete;
  ~Evicted();

  // Also of those that were pruned since.
  bool has(const Id& action);

 private:
  struct Map {
    const uint64_t* numbers = nullptr;
    size_t count = 0;
    ino_t inode = 0;  // of the file
  };
  void map(const char* name, Map& out);

  const Place* place_;
  Map maps_[2];
};

// Adds them to what is known; what is older than a week goes.
void note_evicted(const Place& place, std::vector<uint64_t> actions, int64_t now_ns);

}  // namespace bus::gocache
