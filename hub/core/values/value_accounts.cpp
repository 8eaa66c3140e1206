#include "hub/core/values/value_accounts.h"

#include "hub/core/values/key_order.h"
#include "protocol/base/check.h"

namespace bus::hub {

namespace {

// An account may be looked at for a moment only while somebody holds it.
class HeldAccount {
 public:
  HeldAccount(Ledger& ledger, uint32_t uid) : ledger_(ledger), account_(ledger.account(uid)) {
    ledger_.hold(account_);
  }
  HeldAccount(const HeldAccount&) = delete;
  HeldAccount& operator=(const HeldAccount&) = delete;
  ~HeldAccount() { ledger_.release(account_); }
  Account* operator->() { return &account_; }
  Account& operator*() { return account_; }

 private:
  Ledger& ledger_;
  Account& account_;
};

size_t bytes_of(std::string_view key, std::string_view value) { return key.size() + value.size(); }

bool is_only_here(const ValueState& state) { return !state.is_stored && state.owner == 0; }

bool has_room(size_t used, size_t limit, size_t more) { return used <= limit && more <= limit - used; }

}  // namespace

ValueAccounts::ValueAccounts(ValueTable& table, Ledger& ledger) : table_(table), ledger_(ledger) {
  table_.add_listener(*this);
}

// Nothing that was counted outlives us.
ValueAccounts::~ValueAccounts() {
  table_.remove_listener(*this);
  for (const ValueEntry* entry = table_.oldest(); entry != nullptr; entry = entry->newer())
    uncount(entry->key(), entry->newest());
}

ValueAccounts::Shortage ValueAccounts::missing(const ValueChange& change, const ValueState& newest) const {
  if (!change.value || change.key.starts_with(kHubKeys)) return Shortage::none;
  HeldAccount account(ledger_, change.uid);
  size_t bytes = bytes_of(change.key, *change.value);
  size_t given_back = newest.exists() ? bytes_of(change.key, *newest.value) : 0;
  bool is_own = newest.exists() && newest.uid == change.uid;
  size_t more = bytes - std::min(bytes, given_back);
  size_t users = is_own ? more : bytes;
  // What takes no more than before never fails, however full it is.
  if (is_own && more == 0) return Shortage::none;
  if (!has_room(keys_, ledger_.max_value_keys(), newest.exists() ? 0 : 1)) return Shortage::keys;
  if (!has_room(account->value_keys, account->max_value_keys, is_own ? 0 : 1)) return Shortage::users_keys;
  if (!ledger_.total(Pool::values).has_room_for(more)) return Shortage::bytes;
  if (!account->meter(Pool::values).has_room_for(users)) return Shortage::users_bytes;
  return Shortage::none;
}

bool ValueAccounts::admits(const ValueChange& change, const ValueState& newest) {
  if (missing(change, newest) == Shortage::none) return true;
  ++ledger_.total(Pool::values).refused;
  return false;
}

std::string ValueAccounts::shortage_of(const ValueChange& change) const {
  HeldAccount account(ledger_, change.uid);
  const ValueEntry* entry = table_.find(change.key);
  switch (missing(change, entry == nullptr ? ValueState() : entry->newest())) {
    case Shortage::keys:
      return "there are " + std::to_string(keys_) +
             " keys, the most that there may be; delete some, or start the hub with a larger --values-keys";
    case Shortage::users_keys:
      return "uid " + std::to_string(change.uid) + " has " + std::to_string(account->value_keys) +
             " keys, the most that one user may have; delete some, or start the hub with a larger "
             "--uid-share";
    case Shortage::bytes:
      return "keys and values may take " + std::to_string(ledger_.total(Pool::values).limit) +
             " bytes, and " + std::to_string(ledger_.total(Pool::values).used) +
             " are taken; delete some keys, or start the hub with a larger --values-bytes";
    case Shortage::users_bytes:
      return "keys and values of one user may take " + std::to_string(account->meter(Pool::values).limit) +
             " bytes, and uid " + std::to_string(change.uid) + " has taken " +
             std::to_string(account->meter(Pool::values).used) +
             "; delete some keys, or start the hub with a larger --uid-share";
    case Shortage::none:
      break;
  }
  return "there was no room for it, and there is now; try again";
}

void ValueAccounts::accepted(const ValueEntry& entry, const ValueState& before) {
  if (entry.key().starts_with(kHubKeys)) return;
  // In this order, so that the account is held all the time.
  const ValueState& newest = entry.newest();
  count(entry.key(), newest);
  uncount(entry.key(), before);
}

void ValueAccounts::count(std::string_view key, const ValueState& state) {
  if (!state.exists() || key.starts_with(kHubKeys)) return;
  Account& account = ledger_.account(state.uid);
  ledger_.hold(account);
  size_t bytes = bytes_of(key, *state.value);
  ++keys_;
  keys_only_here_ += is_only_here(state) ? 1U : 0U;
  ++account.value_keys;
  account.total(Pool::values).add(bytes);
  account.meter(Pool::values).add(bytes);
}

void ValueAccounts::uncount(std::string_view key, const ValueState& state) {
  if (!state.exists() || key.starts_with(kHubKeys)) return;
  Account& account = ledger_.account(state.uid);
  size_t bytes = bytes_of(key, *state.value);
  --keys_;
  keys_only_here_ -= is_only_here(state) ? 1U : 0U;
  --account.value_keys;
  account.total(Pool::values).subtract(bytes);
  account.meter(Pool::values).subtract(bytes);
  ledger_.release(account);
}

}  // namespace bus::hub
