// Which actions are being built, over all runs that share a cache, so that of two builds only one does the work.
//
// A run that misses an action has it in flight until it puts it. That is a lock on one byte of a file, at a place that the action's id
// names; the kernel frees it when the run ends, however it ends (fcntl(2), open file description locks).
#pragma once

#include <cstddef>
#include <deque>

#include "consumer/gocache/core/id.h"
#include "consumer/gocache/place.h"

namespace bus::gocache {

class Flights {
 public:
  // Where no such locks can be had, everything is free.
  explicit Flights(const Place* place);

  // Whether no other run has it in flight. Then we have it.
  bool begin(const Id& action);
  void end(const Id& action);

 private:
  void unlock(const Id& action);

  Fd file_;
  std::deque<Id> ours_;
};

}  // namespace bus::gocache
