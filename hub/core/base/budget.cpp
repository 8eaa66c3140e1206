#include "hub/core/base/budget.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace bus::hub {

namespace {

constexpr size_t kMiB = 1024 * 1024;

// The program, its tables and buffers: what does not grow with peers. Most of it is for one turn: the chunk
// that was read, the events in it, their streams and renderings, a largest frame, a largest status_response.
constexpr size_t kBaseBytes = 32 * kMiB;

// A connection that is idle takes about 1 KiB (measured by bus-bench); this is the most that it takes beside
// the pools: its source's name and last detail, watches for both directions, its deadlines.
constexpr size_t kConnectionBytes = 2048 + kSourceBytes;

// What the allocator may take beyond what it is asked for: rounding, headers, holes.
constexpr size_t kAllocatorPercent = 25;

// Of what is left for the pools, in eighteenths. A quarter of those that hold input, one user's share
// by default, takes the buffer of a largest frame at the least.
constexpr size_t kParts = 18;
constexpr std::array<size_t, kPools> kPartsOf = {7, 2, 2, 2, 1, 2, 2, 0};
constexpr size_t kLeastPools = 4 * kMiB * kParts;

constexpr size_t beside_pools(size_t max_connections) {
  return kBaseBytes + max_connections * kConnectionBytes + kMaxAbsentSources * kSourceBytes +
         kMaxWaitingHellos * kFirstReadBytes;
}

constexpr size_t with_overhead(size_t bytes) { return bytes + bytes / 100 * kAllocatorPercent; }

// What a key takes beside its bytes and those of its value: its entry, its places in the tables and in the order of
// keys, its state.
constexpr size_t kKeyBytes = 320;

// Beside the pools: the tombstones that are kept, with the longest keys that most programs have.
constexpr size_t kTombstonesBytes = 4 * kMiB;

constexpr size_t cost_of(const ValueLimits& values) {
  bool is_any = values.keys > 0 || values.bytes > 0;
  return is_any ? kTombstonesBytes + values.keys * kKeyBytes + with_overhead(values.bytes) : 0;
}

// What was asked for, and not just the default.
constexpr ValueLimits explicit_part(const ValueLimits& values) {
  return {values.keys == kDefaultValueKeys ? 0 : values.keys,
          values.bytes == kDefaultValueBytes ? 0 : values.bytes};
}

// The default is no more than what fits into `room`, beside what was asked for.
ValueLimits fitting(const ValueLimits& values, size_t room) {
  ValueLimits least = explicit_part(values);
  size_t more = cost_of(values) - cost_of(least);
  if (more <= room) return values;
  size_t parts = room > kTombstonesBytes ? (room - kTombstonesBytes) * 1000 / more : 0;
  return {least.keys > 0 ? least.keys : values.keys / 1000 * parts,
          least.bytes > 0 ? least.bytes : values.bytes / 1000 * parts};
}

}  // namespace

const char* name_of(Pool pool) {
  switch (pool) {
    case Pool::queues:
      return "queues";
    case Pool::unfinished:
      return "unfinished";
    case Pool::handshaking:
      return "handshaking";
    case Pool::replies:
      return "replies";
    case Pool::subscriptions:
      return "subscriptions";
    case Pool::event_ids:
      return "event_ids";
    case Pool::calls:
      return "calls";
    case Pool::values:
      break;
  }
  return "values";
}

size_t Budget::least_memory(size_t max_connections, const ValueLimits& values) {
  size_t least = beside_pools(max_connections) + with_overhead(kLeastPools) + cost_of(explicit_part(values));
  return (least + kMiB - 1) / kMiB * kMiB;
}

std::optional<Budget> Budget::of(size_t memory, size_t max_connections, const ValueLimits& values) {
  if (memory < least_memory(max_connections, values)) return std::nullopt;
  ValueLimits fit = fitting(values, (memory - least_memory(max_connections, values)) / 2);
  size_t for_pools =
      (memory - beside_pools(max_connections) - cost_of(fit)) / (100 + kAllocatorPercent) * 100;
  Budget budget;
  for (size_t i = 0; i < kPools; ++i) budget.pools[i] = for_pools / kParts * kPartsOf[i];
  budget.pools[static_cast<size_t>(Pool::values)] = fit.bytes;
  budget.value_keys = fit.keys;
  return budget;
}

void Meter::subtract(size_t bytes) {
  BUSD_CHECK(bytes <= used);
  used -= bytes;
}

Ledger::Ledger(const Budget& budget, size_t max_connections, uint32_t share_percent, uint32_t owner)
    : max_connections_(max_connections),
      max_value_keys_(budget.value_keys),
      share_percent_(share_percent),
      owner_(owner) {
  for (size_t i = 0; i < kPools; ++i) pools_[i].limit = budget.pools[i];
}

Ledger::~Ledger() {
  for (const Meter& pool : pools_) BUSD_CHECK(pool.used == 0);
}

Account& Ledger::account(uint32_t uid) {
  auto& account = accounts_[uid];
  if (account) return *account;
  account = std::make_unique<Account>();
  bool all = uid == owner_ || uid == 0;
  auto share = [&](size_t whole) {
    return all ? whole : whole / 100 * share_percent_ + whole % 100 * share_percent_ / 100;
  };
  account->uid = uid;
  account->totals = &pools_;
  account->max_connections = std::max<size_t>(share(max_connections_), 1);
  account->max_waiting = share(kMaxWaitingHellos);
  account->max_value_keys = share(max_value_keys_);
  for (size_t i = 0; i < kPools; ++i) account->pools[i].limit = share(pools_[i].limit);
  return *account;
}

void Ledger::release(Account& account) {
  if (--account.holders > 0) return;
  BUSD_CHECK(account.connections == 0 && account.waiting == 0 && account.value_keys == 0);
  for (const Meter& pool : account.pools) BUSD_CHECK(pool.used == 0);
  accounts_.erase(account.uid);
}

std::string Ledger::shortage_of(const Account& account, Pool pool, size_t bytes) const {
  std::string what = "of the hub's memory for " + std::string(name_of(pool));
  if (total(pool).has_room_for(bytes)) {
    return "uid " + std::to_string(account.uid) + " has taken what one user may, " +
           std::to_string(account.meter(pool).limit) + " bytes " + what +
           "; try again later, or start the hub with a larger --uid-share";
  }
  return "all " + std::to_string(total(pool).limit) + " bytes " + what +
         " are taken; try again later, or start the hub with a larger --memory";
}

Account* Ledger::debtor(Pool pool) {
  Account* most = nullptr;
  bool over = total(pool).is_over();
  for (auto& [uid, account] : accounts_) {
    const Meter& meter = account->meter(pool);
    if (meter.is_over()) return account.get();
    if (over && meter.used > 0 && (most == nullptr || meter.used > most->meter(pool).used)) {
      most = account.get();
    }
  }
  return most;
}

}  // namespace bus::hub
