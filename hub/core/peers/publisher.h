// What was published under one name, or by one connection: counts, and the event ids that were seen.
//
// Each is in the table of all, so that the one with the most event ids can be found when their memory is used
// up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hub/core/base/dedup.h"
#include "protocol/base/check.h"
#include "protocol/base/clock.h"

namespace bus::hub {

class Publishers;

struct Publisher {
  explicit Publisher(Publishers& all);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  ~Publisher();

  void count_event(TimePoint now) {
    ++count;
    last = now;
  }

  uint64_t count = 0;
  TimePoint last = kNever;  // kNever: none yet
  DedupWindow dedup;

 private:
  friend class Publishers;
  Publishers& all_;
  size_t place_ = 0;
};

class Publishers {
 public:
  ~Publishers() { BUSD_CHECK(all_.empty()); }

  // The one that remembers the most event ids, by their memory; nullptr when there is none.
  Publisher* with_most_ids() const {
    Publisher* most = nullptr;
    for (Publisher* each : all_) {
      if (most == nullptr || each->dedup.memory_bytes() > most->dedup.memory_bytes()) most = each;
    }
    return most;
  }

 private:
  friend struct Publisher;
  std::vector<Publisher*> all_;
};

inline Publisher::Publisher(Publishers& all) : all_(all), place_(all.all_.size()) {
  all.all_.push_back(this);
}
inline Publisher::~Publisher() {
  all_.all_.back()->place_ = place_;
  std::swap(all_.all_[place_], all_.all_.back());
  all_.all_.pop_back();
}

}  // namespace bus::hub
