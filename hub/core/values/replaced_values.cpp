#include "hub/core/values/replaced_values.h"

#include <algorithm>

namespace bus::hub {

ReplacedValues::ReplacedValues(ValueTable& table, Meter& pool) : table_(table), pool_(pool) {
  table_.add_listener(*this);
}

ReplacedValues::~ReplacedValues() {
  table_.remove_listener(*this);
  pool_.subtract(bytes_);
}

// Its present state is about to be replaced. One that the table alone holds is gone with that.
void ReplacedValues::leaving(const ValueEntry& entry) {
  const SharedText& value = entry.visible().value;
  if (!value || value.size() < kHeldValueBytes || value.holders() == 1) return;
  values_.push_back(value);
  bytes_ += value.size();
  pool_.add(value.size());
}

size_t ReplacedValues::look() {
  if (values_.empty()) return 0;
  std::erase_if(values_, [&](const SharedText& value) {
    if (value.holders() > 1) return false;
    bytes_ -= value.size();
    pool_.subtract(value.size());
    return true;
  });
  return bytes_;
}

bool ReplacedValues::has(const SharedText& value) const {
  return std::any_of(values_.begin(), values_.end(), [&](const SharedText& each) { return each.is(value); });
}

}  // namespace bus::hub
