// The watches of keys, and how far each has got in the order of revs.
//
// A watch is no queue. It stands at an entry of the table: all that it asks for and that is older was sent. A key that changes moves
// to the end of that order, so it is sent once, in its newest state, however often it changes meanwhile; what waits for a watch is
// bounded by the number of keys, whatever it does. Frames come in the order of revs by themselves.
//
// Knows no peers and makes no frames: next() says what is to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hub/core/base/router.h"
#include "hub/core/values/key_order.h"
#include "hub/core/values/value_table.h"

namespace bus::hub {

// What is asked of a watch.
struct WatchOrder {
  std::vector<std::string> keys;  // and patterns: `*` is all but those below `bus.`
  // From which rev on: 0 begins with the newest state of each key, and that of the table with what comes.
  uint64_t since = 0;
  // It cannot begin there, or its epoch is another one: all is sent, and `synced` says so.
  bool reset = false;
};

class ValueWatch : public Subscriber {
 public:
  explicit ValueWatch(WatchOrder order) : order_(std::move(order)) {}

  const std::vector<std::string>& keys() const { return order_.keys; }
  // Whether something waits to be sent.
  bool is_behind() const { return is_awake_; }
  // Keys that changed while they waited for it.
  size_t skipping() const { return skipped_.size(); }

 private:
  friend class ValueWatches;

  WatchOrder order_;
  uint64_t sent_rev_ = 0;  // all that it asks for was sent up to here
  // Those that exist when it begins, by rev, the last one first: only if they are few, and before all else.
  std::vector<std::pair<uint64_t, std::string>> first_;
  const ValueEntry* next_ = nullptr;  // the oldest one that may be to be sent
  bool is_awake_ = true;              // next() has not said that there is nothing
  bool syncs_ = true;                 // `synced` is still to come
  uint64_t sync_rev_ = 0;             // once all up to here was sent
  uint64_t deleted_until_ = 0;        // deletions up to here are none of its business: it saw no such key
  size_t keys_sent_ = 0;              // before `synced`
  std::unordered_map<const ValueEntry*, uint64_t> skipped_;
};

struct WatchStep {
  enum class Kind : uint8_t { nothing, value, synced };
  Kind kind = Kind::nothing;
  const ValueEntry* entry = nullptr;  // of a value
  bool is_snapshot = false;           // it comes before `synced`
  uint64_t skipped = 0;               // states of the key that this watch has not seen
  uint64_t rev = 0;                   // of synced
  size_t keys = 0;                    // that were sent before it
  bool reset = false;
};

class ValueWatches final : public ValueTable::Listener {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // It had nothing to send, and now it has.
    virtual void watch_woken(ValueWatch& watch) = 0;
    // Whether the time of what is visible is over: it is not shown any more, and its end is still to come.
    virtual bool is_over(const ValueEntry& entry) const = 0;
  };

  ValueWatches(ValueTable& table, const KeyOrder& keys, Owner& owner);
  ~ValueWatches() override;

  // From now on; `synced` is to be sent in any case. The watch stays where it is until it is removed.
  void add(ValueWatch& watch);
  void remove(ValueWatch& watch);
  size_t size() const { return watches_; }

  // What is to be sent next; it counts as sent. Looks at no more than `most` entries, which it subtracts: with none left it says
  // `nothing` of a watch that is still behind.
  WatchStep next(ValueWatch& watch, size_t& most);

 private:
  void leaving(const ValueEntry& entry) override;
  void shown(const ValueEntry& entry, uint64_t before) override;
  void forgotten(const ValueEntry& entry) override;

  void begin(ValueWatch& watch);
  bool find_first(ValueWatch& watch) const;
  const ValueEntry* next_of_first(ValueWatch& watch, size_t& most);
  WatchStep value_of(ValueWatch& watch, const ValueEntry& entry) const;
  void stand(ValueWatch& watch, const ValueEntry* entry);
  void take_up(ValueWatch& watch);

  ValueTable& table_;
  const KeyOrder& keys_;
  Owner& owner_;
  size_t watches_ = 0;
  Router router_;
  // At which entries watches stand.
  std::unordered_map<const ValueEntry*, std::vector<ValueWatch*>> standing_;
  // Those that stood at the newest entry, which is just leaving.
  std::vector<ValueWatch*> left_;
};

}  // namespace bus::hub
