// The present values of the keys that a watch tells (<busd/cache.h>).
//
// Pure: it is given items, and asks nobody. What a watch that has begun anew does not tell again is dropped at its
// `synced`: that is each key that was not part of the last snapshot. A break begins a new snapshot, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "busd/consumer.h"
#include "consumer/src/client_core/value_news.h"

namespace bus::sdk {

class Cache {
 public:
  Cache(uint64_t watch, bool has_values) : watch_(watch), has_values_(has_values) {}

  // Returns whether something has changed by it.
  bool take(const busd_item& item);

  // Good until the next take(); nullptr: there is none.
  const KeyFact* find(std::string_view key) const;
  // The first one behind `after`; empty: of all.
  const KeyFact* next(std::string_view after) const;

  uint64_t watch() const { return watch_; }
  bool has_values() const { return has_values_; }
  bool is_synced() const { return synced_; }
  uint64_t generation() const { return generation_; }
  size_t count() const { return entries_.size(); }

 private:
  struct Entry {
    KeyFact fact;
    uint64_t round = 0;  // whose snapshot has told it; 0: it was told as a change
  };

  bool take_value(const busd_item& item);
  bool take_synced(bool reset);

  std::map<std::string, Entry, std::less<>> entries_;
  uint64_t watch_;
  bool has_values_;
  bool synced_ = false;
  uint64_t round_ = 1;
  uint64_t generation_ = 0;
};

}  // namespace bus::sdk
