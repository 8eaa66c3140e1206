// What is true now, by key (PROTOCOL.md 11): the newest state of each key, its version, and the order of all changes.
//
// A change is judged when it comes, against the newest state that was accepted, and takes its version then. It becomes visible at
// once, or, when it is to be stored first, with settle() or withdraw(): a key's changes that wait stand behind what is visible.
// Changes of one key become visible in the order in which they were judged. A rev is taken when a change becomes visible, so that
// revs are in the order in which they are seen.
//
// A deleted key stays as a tombstone, so that its versions go on. Tombstones are forgotten by age and number; what is forgotten
// raises the floor, above which the versions of new keys begin.
//
// Knows no peers, no messages and no store. Time is an argument, on one clock of the caller's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "hub/core/base/transport.h"
#include "protocol/base/clock.h"
#include "protocol/base/shared_text.h"

namespace bus::hub {

// One state of a key. Version 0: there was none yet.
struct ValueState {
  uint64_t version = 0;
  SharedText value;        // raw JSON; nullptr: there is none, it is deleted
  bool expired = false;    // it is deleted because its time was over
  bool is_stored = false;  // the store has it
  uint32_t uid = 0;        // whose change it was
  TimePoint changed{};
  TimePoint expires = kNever;
  PeerId owner = 0;  // with whose connection it ends; 0: with none

  bool exists() const { return static_cast<bool>(value); }
};

class ValueTable;

// A key, for as long as it has a state or a tombstone.
class ValueEntry {
 public:
  explicit ValueEntry(std::string_view key) : key_(key) {}

  std::string_view key() const { return *key_; }
  // What get and watch see.
  const ValueState& visible() const { return visible_; }
  uint64_t rev() const { return rev_; }
  // The newest state that was accepted: what the next change is judged by.
  const ValueState& newest() const { return waiting_ ? waiting_->back() : visible_; }
  // Changes that are accepted and not visible yet.
  size_t waiting() const { return waiting_ ? waiting_->size() : 0; }

  // The entries before and behind it in the order of revs; nullptr at the ends.
  const ValueEntry* older() const { return older_; }
  const ValueEntry* newer() const { return newer_; }

 private:
  friend class ValueTable;
  using Dead = std::list<ValueEntry*>;

  const SharedText key_;
  ValueState visible_;
  uint64_t rev_ = 0;                                // 0: nothing was visible yet
  std::unique_ptr<std::list<ValueState>> waiting_;  // not empty
  ValueEntry* older_ = nullptr;
  ValueEntry* newer_ = nullptr;
  Dead::iterator dead_at_;  // if it is a tombstone with nothing that waits
};

// A change that is asked for.
struct ValueChange {
  std::string_view key;
  std::optional<uint64_t> version;  // the one that it is to make
  bool create = false;              // only if the key does not exist
  bool if_changed = false;          // equal bytes are no change
  SharedText value;                 // nullptr: a deletion
  bool expired = false;
  bool is_stored = false;
  uint32_t uid = 0;
  TimePoint expires = kNever;
  PeerId owner = 0;
  uint64_t above = 0;  // the version of a new key is above this, too
};

enum class ValueVerdict : uint8_t { accepted, unchanged, stale, exists, not_found, full };

struct ValueJudgement {
  ValueVerdict verdict = ValueVerdict::accepted;
  uint64_t version = 0;  // the one that it makes, or, if it is refused, the one that it was judged by
  const ValueEntry* entry = nullptr;  // nullptr: it is refused, and there is none
};

class ValueTable {
 public:
  // Told of every change, while it happens.
  class Listener {
   public:
    virtual ~Listener() = default;

    // Whether there is room for the state that the change makes of `newest`.
    virtual bool admits(const ValueChange&, const ValueState&) { return true; }
    // The newest state that was accepted is another one than `before`: after a judgement, a load, or because those that
    // waited were taken back.
    virtual void accepted(const ValueEntry&, const ValueState&) {}

    // The entry leaves its place in the order of revs: it becomes the newest one, or is forgotten.
    virtual void leaving(const ValueEntry&) {}
    // It has a new state; `before` is the rev of the one before, 0: there was none.
    virtual void shown(const ValueEntry&, uint64_t) {}
    // The tombstone has left, and is about to die.
    virtual void forgotten(const ValueEntry&) {}
  };

  struct Limits {
    size_t tombstones = 10'000;
    Duration tombstone_age = std::chrono::hours(24);
  };
  // What a store has kept; or nothing of it.
  struct Counters {
    uint64_t rev = 0;            // the last one that was given
    uint64_t floor = 0;          // the versions of new keys begin above it
    uint64_t forgotten_rev = 0;  // the newest one of a tombstone that was forgotten
  };

  ValueTable(Limits limits, const Counters& counters) : limits_(limits), counters_(counters) {}
  ~ValueTable();
  ValueTable(const ValueTable&) = delete;
  ValueTable& operator=(const ValueTable&) = delete;

  // They are told in the order in which they were added, and must be removed before they die.
  void add_listener(Listener& listener) { listeners_.push_back(&listener); }
  void remove_listener(Listener& listener) { std::erase(listeners_, &listener); }

  // What a store has kept, before anything else.
  void begin(const Counters& counters);
  // A state that a store has kept, in the order of revs, behind begin() and before anything else.
  void load(std::string_view key, ValueState state, uint64_t rev);

  // Whether the change is accepted; `known` is what find() says of its key. An accepted change waits for settle() or withdraw().
  ValueJudgement judge(const ValueChange& change, const ValueEntry* known, TimePoint now);
  // The oldest change of the key that waits becomes visible, with the next rev.
  void settle(const ValueEntry& which);
  // judge(), and settle() at once: of a key of which nothing waits.
  ValueJudgement apply(const ValueChange& change, const ValueEntry* known, TimePoint now);
  // All changes of the key that wait are taken back: they were never accepted.
  void withdraw(const ValueEntry& which);

  // nullptr: there is not even a tombstone. An entry stays where it is as long as it is there.
  const ValueEntry* find(std::string_view key) const;

  // In the order of revs.
  const ValueEntry* oldest() const { return oldest_; }
  const ValueEntry* newest() const { return newest_; }

  // The next tombstone that is to be forgotten, because it is too old or one too many; nullptr: none is. Its key must be read, and
  // forget() called, before the table changes.
  const ValueEntry* superfluous(TimePoint now) const;
  // When that will next be so by age; kNever: there is no tombstone.
  TimePoint next_superfluous() const;
  void forget(std::string_view key);

  const Counters& counters() const { return counters_; }
  uint64_t forgotten_rev() const { return counters_.forgotten_rev; }
  size_t keys() const { return keys_; }  // that exist
  size_t tombstones() const { return tombstones_; }
  size_t bytes() const { return bytes_; }  // of the keys that exist and of their values, visible

 private:
  struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    size_t operator()(const ValueEntry& entry) const { return (*this)(entry.key()); }
  };
  struct SameKey {
    using is_transparent = void;
    bool operator()(std::string_view key, const ValueEntry& entry) const { return key == entry.key(); }
    bool operator()(const ValueEntry& a, const ValueEntry& b) const { return a.key() == b.key(); }
  };

  ValueVerdict verdict_on(const ValueChange& change, const ValueState& newest) const;
  ValueEntry& accept(const ValueChange& change, const ValueEntry* known, TimePoint now, ValueState& state);
  ValueEntry& entry_of(std::string_view key);
  ValueState show(ValueEntry& entry, ValueState state, uint64_t rev);
  void link_newest(ValueEntry& entry);
  void unlink(ValueEntry& entry);
  void count(const ValueEntry& entry, bool in);
  void bury(ValueEntry& entry);
  void erase(ValueEntry& entry);

  Limits limits_;
  Counters counters_;
  std::vector<Listener*> listeners_;
  std::unordered_set<ValueEntry, KeyHash, SameKey> entries_;
  ValueEntry* oldest_ = nullptr;
  ValueEntry* newest_ = nullptr;
  ValueEntry::Dead dead_;  // tombstones with nothing that waits, in the order of revs
  size_t keys_ = 0;
  size_t tombstones_ = 0;
  size_t bytes_ = 0;
};

}  // namespace bus::hub
