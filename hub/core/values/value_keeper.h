// What the room of values asks of what keeps values that are to be stored, and knows the time that goes on while the machine sleeps:
// hub/value_store.h, and a fake in tests.
//
// The edge tells the core what became of a batch by HubCore::values_committed() and values_failed(), in turns of their own and never from inside
// a function of this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/values/value_operations.h"
#include "protocol/base/clock.h"

namespace bus::hub {

// What the core begins with.
struct KeptValues {
  struct Row {
    std::string key;
    ValueState state;  // times on the keeper's clock
    uint64_t rev = 0;
  };
  std::vector<Row> rows;  // in the order of their revs
  ValueTable::Counters counters;
  uint64_t version = 0;  // the highest one that was ever given
  std::string epoch;
  std::string path;    // of the store; empty: nothing is stored
  std::string fault;   // what was wrong with it; empty: nothing
  bool takes = false;  // there is a store that takes changes
};

class ValueKeeper {
 public:
  virtual ~ValueKeeper() = default;

  // A clock that goes on while the machine sleeps. `now` is the time of the entry, on the core's clock.
  virtual TimePoint clock(TimePoint now) noexcept = 0;
  // Milliseconds since 1970.
  virtual int64_t wall_ms() noexcept = 0;
  // HubCore::tick() is to be called when clock() says this, or earlier; kNever: it need not. A later call replaces it.
  virtual void wake_at(TimePoint when) noexcept = 0;

  // False: no more numbers can be given, because the store has not made room for them for too long. A few still can.
  virtual bool can_give() noexcept = 0;
  // These numbers are given from now on: told before anybody can see them.
  virtual void give(uint64_t rev, uint64_t version) noexcept = 0;
  // From now on something is visible that the store does not have.
  virtual void set_memory() noexcept = 0;
  // Every stored state with a rev up to this one is stored with that rev.
  virtual void set_stored(uint64_t rev) noexcept = 0;

  // Commits these together, and then says so by their number; batches are committed in their order. `sync`: a loss of power must not take
  // them back. `forgotten` are keys of tombstones that are forgotten, and `floor` is what that raises.
  struct Batch {
    uint64_t number = 0;
    bool sync = false;
    std::vector<ValueRow> rows;
    std::vector<std::string> forgotten;
    uint64_t floor = 0;
    uint64_t rev = 0;  // the last one that was given
  };
  virtual void submit(Batch batch) = 0;
};

}  // namespace bus::hub
