// Whose the keys are: how many keys and bytes each user has of those that exist, and whether there is room for more.
//
// A key counts for the user who changed it last, in its newest accepted state; the hub's own keys count for nobody.
#pragma once

#include <string>

#include "hub/core/base/budget.h"
#include "hub/core/values/value_table.h"

namespace bus::hub {

class ValueAccounts final : public ValueTable::Listener {
 public:
  ValueAccounts(ValueTable& table, Ledger& ledger);
  ~ValueAccounts() override;
  ValueAccounts(const ValueAccounts&) = delete;
  ValueAccounts& operator=(const ValueAccounts&) = delete;

  size_t keys() const { return keys_; }
  size_t bytes() const { return ledger_.total(Pool::values).used; }
  // Keys that would be lost with the hub: not stored, and of no connection.
  size_t keys_only_here() const { return keys_only_here_; }
  // Why there is no room for this change, and what to do.
  std::string shortage_of(const ValueChange& change) const;

 private:
  enum class Shortage { none, keys, users_keys, bytes, users_bytes };
  // The first limit that the change would exceed.
  Shortage missing(const ValueChange& change, const ValueState& newest) const;
  bool admits(const ValueChange& change, const ValueState& newest) override;
  void accepted(const ValueEntry& entry, const ValueState& before) override;
  void count(std::string_view key, const ValueState& state);
  void uncount(std::string_view key, const ValueState& state);

  ValueTable& table_;
  Ledger& ledger_;
  size_t keys_ = 0;
  size_t keys_only_here_ = 0;
};

}  // namespace bus::hub
