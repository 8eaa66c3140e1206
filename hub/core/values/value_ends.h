// What ends by itself: keys whose time is over, and keys whose owner has gone.
//
// Keeps the newest accepted state of each key, for the next change of it is judged by that.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/values/value_table.h"

namespace bus::hub {

class ValueEnds final : public ValueTable::Listener {
 public:
  explicit ValueEnds(ValueTable& table);
  ~ValueEnds() override;
  ValueEnds(const ValueEnds&) = delete;
  ValueEnds& operator=(const ValueEnds&) = delete;

  // When the next one ends by time; kNever: none does.
  TimePoint next() const { return by_time_.empty() ? kNever : by_time_.begin()->first; }
  // One whose time is over; nullptr: none is. It must be ended before the next call.
  const ValueEntry* due(TimePoint now) const;

  // The keys that end with the connection.
  std::vector<std::string> owned_by(PeerId peer) const;
  // The connections with which something ends.
  std::vector<PeerId> owners() const;
  // How many end with a connection.
  size_t held() const;

 private:
  void accepted(const ValueEntry& entry, const ValueState& before) override;

  ValueTable& table_;
  std::set<std::pair<TimePoint, const ValueEntry*>> by_time_;
  std::unordered_map<PeerId, std::set<const ValueEntry*>> by_owner_;
};

}  // namespace bus::hub
