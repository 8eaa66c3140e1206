// What peers make the hub hold in memory: pools with limits, in total and per user, and who has taken how
// much.
//
// One number is promised, HubConfig::memory: the hub's resident memory stays below it. From it comes the size
// of each pool, by one formula (Budget). Whoever makes the hub hold something is charged for it, as a user
// and in total; a Charge gives back what it took when it dies. What happens when a pool is used up is decided
// where it is used: queues drop events (delivery.cpp), frames, replies and hellos are refused (hub_core.cpp,
// peers.cpp).
//
// Counts what was asked of the allocator; its own overhead is a factor in the formula. What the kernel holds
// in sockets is not the hub's memory; the size of a socket's buffer bounds it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "protocol/limits.h"

namespace bus::hub {

enum class Pool : uint8_t {
  queues,  // events that wait for slow consumers: each byte once, however many queues hold it
  unfinished,  // input whose line end is still to come, or whose turn is; changes of values that wait for the store
  handshaking,    // the same of connections that have not sent a complete frame yet
  replies,        // control replies that wait for their reader, and what answers requests that became no call
  subscriptions,  // keys and event types of consumers, and what sources publish
  event_ids,      // remembered to drop repetitions
  calls,          // open calls, with what waits for their providers and callers
  values,         // keys that exist, and their values
};
inline constexpr size_t kPools = 8;
const char* name_of(Pool pool);

// Hellos that wait for clean-up locks, of all scopes together; beyond, they are rejected.
inline constexpr size_t kMaxWaitingHellos = 1024;

// The read that may bring a first frame takes at most this: what came behind a hello that has to wait is kept
// beside the pools.
inline constexpr size_t kFirstReadBytes = 16 * 1024;

// Named sources that are remembered without a connection, beside the pools.
inline constexpr size_t kMaxAbsentSources = 256;

// What a source costs at most, its name and its detail included, beside its dedup window.
inline constexpr size_t kSourceBytes = kMaxDetailBytes + 2 * kMaxIdentifierBytes + 512;

inline constexpr size_t kDefaultValueKeys = 100'000;
inline constexpr size_t kDefaultValueBytes = size_t{64} * 1024 * 1024;

// What values may take: keys, and bytes of keys and values. What is the default is less where that does not fit.
struct ValueLimits {
  size_t keys = kDefaultValueKeys;
  size_t bytes = kDefaultValueBytes;
};
inline constexpr ValueLimits kNoValues{0, 0};

// How a promise is divided.
struct Budget {
  std::array<size_t, kPools> pools{};
  size_t value_keys = 0;

  // nullopt when `memory` is less than least_memory().
  static std::optional<Budget> of(size_t memory, size_t max_connections,
                                  const ValueLimits& values = kNoValues);
  static size_t least_memory(size_t max_connections, const ValueLimits& values = kNoValues);
};

// Bytes that are taken of one pool, in total or by one user.
struct Meter {
  size_t used = 0;
  size_t peak = 0;
  size_t limit = 0;
  uint64_t refused = 0;  // how often somebody had to go without, or give back

  void add(size_t bytes) {
    used += bytes;
    if (used > peak) peak = used;
  }
  void subtract(size_t bytes);
  bool has_room_for(size_t bytes) const { return used <= limit && bytes <= limit - used; }
  bool is_over() const { return used > limit; }
};

// Takes bytes of a meter as long as it lives. The meter outlives it.
class Charge {
 public:
  Charge() = default;
  // Of nobody if `meter` is nullptr.
  Charge(Meter* meter, size_t bytes) : meter_(meter), bytes_(bytes) {
    if (meter != nullptr) meter->add(bytes);
  }
  Charge(Charge&& other) noexcept
      : meter_(std::exchange(other.meter_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (meter_ != nullptr) meter_->subtract(bytes_);
  }

 private:
  Meter* meter_ = nullptr;
  size_t bytes_ = 0;
};

// Who is charged for something.
struct Payers {
  Meter* total = nullptr;
  Meter* user = nullptr;
};

// What one user has taken. Exists while somebody holds it.
struct Account {
  uint32_t uid = 0;
  size_t holders = 0;
  size_t connections = 0;  // those that were admitted
  size_t max_connections = 0;
  size_t waiting = 0;
  size_t max_waiting = 0;
  size_t value_keys = 0;
  size_t max_value_keys = 0;
  std::array<Meter, kPools> pools;
  std::array<Meter, kPools>* totals = nullptr;  // the ledger's

  Meter& total(Pool pool) { return (*totals)[static_cast<size_t>(pool)]; }
  const Meter& total(Pool pool) const { return (*totals)[static_cast<size_t>(pool)]; }
  Meter& meter(Pool pool) { return pools[static_cast<size_t>(pool)]; }
  const Meter& meter(Pool pool) const { return pools[static_cast<size_t>(pool)]; }
};

// What one thing of a peer's holds of a pool, charged to its user and in total; of one size at a time. Gives
// all back when it dies; the account outlives it.
class PoolCharge {
 public:
  PoolCharge() = default;
  PoolCharge(const PoolCharge&) = delete;
  PoolCharge& operator=(const PoolCharge&) = delete;
  ~PoolCharge() { release(); }

  // From now on `bytes` of `pool`, whatever it was before.
  void set(Account& account, Pool pool, size_t bytes) {
    if (bytes == bytes_ && (bytes == 0 || pool == pool_)) return;
    release();
    account_ = &account;
    pool_ = pool;
    bytes_ = static_cast<uint32_t>(bytes);
    account.total(pool).add(bytes);
    account.meter(pool).add(bytes);
  }
  void release() {
    if (bytes_ == 0) return;
    account_->total(pool_).subtract(bytes_);
    account_->meter(pool_).subtract(bytes_);
    bytes_ = 0;
  }
  size_t bytes() const { return bytes_; }
  // What it holds of `pool`.
  size_t bytes_of(Pool pool) const { return pool == pool_ ? bytes_ : 0; }

 private:
  Account* account_ = nullptr;
  uint32_t bytes_ = 0;
  Pool pool_ = Pool::queues;
};

class Ledger {
 public:
  // `share_percent` is what one user may take of each pool and of the connections; `owner` and root may take
  // all.
  Ledger(const Budget& budget, size_t max_connections, uint32_t share_percent, uint32_t owner);
  size_t max_value_keys() const { return max_value_keys_; }
  ~Ledger();

  // The account of `uid`; made when there is none.
  Account& account(uint32_t uid);
  // What is charged to the account holds it: connections, and calls that outlive these. The last to release it
  // has given back all that it was charged for.
  void hold(Account& account) { ++account.holders; }
  void release(Account& account);

  Meter& total(Pool pool) { return pools_[static_cast<size_t>(pool)]; }
  const Meter& total(Pool pool) const { return pools_[static_cast<size_t>(pool)]; }

  bool has_room_for(const Account& account, Pool pool, size_t bytes) const {
    return total(pool).has_room_for(bytes) && account.meter(pool).has_room_for(bytes);
  }
  Payers payers(Account& account, Pool pool) { return {&total(pool), &account.meter(pool)}; }
  // Why `pool` has no room for so much more of this user's, and what to do.
  std::string shortage_of(const Account& account, Pool pool, size_t bytes) const;

  // Who has to give something back of `pool`: who is above his share, else, when the pool is used up, who
  // has the most. nullptr when nobody has to.
  Account* debtor(Pool pool);

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [uid, account] : accounts_) visit(*account);
  }

 private:
  std::array<Meter, kPools> pools_;
  size_t max_connections_;
  size_t max_value_keys_;
  uint32_t share_percent_;
  uint32_t owner_;
  std::unordered_map<uint32_t, std::unique_ptr<Account>> accounts_;
};

}  // namespace bus::hub
