// Values that were replaced while sockets are still taking them.
//
// The frame of a large value is not copied for each socket that has taken only a part of it: all of them hold the value itself. Once it is
// replaced, it is in no key any more, and is counted here until nobody holds it.
#pragma once

#include <cstddef>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/values/value_table.h"

namespace bus::hub {

// From this size on, the frame of a value holds it.
inline constexpr size_t kHeldValueBytes = size_t{16} * 1024;

class ReplacedValues final : public ValueTable::Listener {
 public:
  // They are charged to `pool`.
  ReplacedValues(ValueTable& table, Meter& pool);
  ~ReplacedValues() override;

  // Forgets those that nobody holds any more. How many bytes the rest has.
  size_t look();
  // Whether it is one of them.
  bool has(const SharedText& value) const;

 private:
  void leaving(const ValueEntry& entry) override;

  ValueTable& table_;
  Meter& pool_;
  std::vector<SharedText> values_;
  size_t bytes_ = 0;
};

}  // namespace bus::hub
