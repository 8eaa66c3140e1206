// When operations on values take effect: at once, or once the store has committed what they stand behind.
//
// Operations of one connection take effect in the order in which they were sent, and those of one key in the order in which they were
// judged; nothing else waits for anything. So a put that is to be stored is judged when it comes and waits for its batch; a get behind
// it on its connection waits for the same batch, and is not looked at before; everybody else's goes on. All that a turn has for the
// store is one batch, and batches are committed in their order.
//
// A change needs the store if it is to be stored, or if its key is: what is put in memory over a stored key must not be undone by
// a restart, so that a tombstone with its version is stored first.
//
// Knows no store and no messages: end_turn() gives out what is to be stored, committed() and failed() say what became of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/values/value_table.h"

namespace bus::hub {

// One thing that a connection asks of values, or the hub itself. The owner derives what else it needs to know.
struct ValueOperation {
  virtual ~ValueOperation() = default;

  PeerId from = 0;       // 0: the hub, or a connection that has gone
  bool is_hubs = false;  // what ends by itself, or is the hub's own
  bool sync = false;     // of a change: a loss of power must not take it back
  bool stays = false;    // of what only looks: also when its connection has gone
  size_t bytes = 0;      // what it holds
  std::string key;       // of a change
  // Without a key; none: it only looks.
  std::optional<ValueChange> change;
};
using ValueOperationPtr = std::unique_ptr<ValueOperation>;

// A state that is to be stored: the newest one of its key.
struct ValueRow {
  std::string key;
  ValueState state;  // without a value where only its version is to be stored
  // The one that it is expected to get; if it gets another one, a row of a later batch says so.
  uint64_t rev = 0;
};
struct ValueBatch {
  uint64_t number = 0;
  bool sync = false;
  std::vector<ValueRow> rows;
};

class ValueOperations {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A change has taken effect, or is refused by what is visible now: `entry`, nullptr if there is not even a tombstone.
    virtual void judged(ValueOperation& operation, const ValueJudgement& judgement) = 0;
    // A change that needs the store, which takes nothing.
    virtual void not_stored(ValueOperation& operation) = 0;
    // What waited was taken back, the hub's own changes as well: what is to end by what is visible now is to be said again.
    virtual void taken_back() = 0;
    // It may look.
    virtual void look(ValueOperation& operation) = 0;
  };

  ValueOperations(ValueTable& table, Owner& owner) : table_(table), owner_(owner) {}
  ~ValueOperations();
  ValueOperations(const ValueOperations&) = delete;
  ValueOperations& operator=(const ValueOperations&) = delete;

  // Whether there is a store that takes changes. Not while something waits for it, but for failed(). Without one, the hub's own
  // changes of what is stored take effect at once: what ends has ended, also if it is still on a disk.
  void set_store(bool takes) { has_store_ = takes; }
  bool has_store() const { return has_store_; }

  void take(ValueOperationPtr operation, TimePoint now);

  // What came for the store since the last call.
  std::optional<ValueBatch> end_turn();
  // The oldest batch that was given out.
  void committed(uint64_t number, TimePoint now);
  // None that was given out and not committed ever will be; the store takes nothing any more.
  void failed(TimePoint now);

  // The connection has gone. What was accepted takes effect all the same; what was not looked at does not, unless it stays.
  void forget(PeerId peer);

  // What waits of a connection's.
  struct Waiting {
    size_t operations = 0;
    size_t bytes = 0;
  };
  Waiting waiting(PeerId peer) const;
  // Of all connections, and of the hub.
  size_t waiting() const { return waiting_; }
  // Whether every row that was committed has the rev that its change was given. Not known of a store that has failed.
  bool are_revs_stored() const { return has_store_ && wrong_revs_.empty() && corrections_ == 0; }

 private:
  struct Held {
    ValueOperationPtr operation;  // nullptr: forgotten
    std::optional<ValueJudgement> judgement{};

    bool is_accepted() const { return judgement && judgement->verdict == ValueVerdict::accepted; }
  };
  struct Batch {
    uint64_t number = 0;
    bool sync = false;
    std::list<Held> held;
    std::vector<ValueRow> rows;
    std::vector<uint64_t> revs;  // of its changes, in their order, as they were expected
    size_t corrections = 0;      // rows that tell the rev of an earlier one
  };
  struct Line {
    Waiting waiting;
    uint64_t last_batch = 0;
    bool ends_unjudged = false;  // the last one was not judged yet, so those behind it are not, either
  };

  bool needs_store(const ValueOperation& operation, const ValueEntry* entry) const;
  void run(ValueOperation& operation, const ValueEntry* entry, TimePoint now);
  void judge(ValueOperationPtr operation, const ValueEntry* known, TimePoint now);
  void hold(uint64_t batch, Held held);
  void release(const Held& held);
  void withdraw_all();
  Batch& open_batch();
  void settle(const ValueEntry& entry, uint64_t expected_rev);
  void correct_revs();
  static ValueRow row_of(std::string_view key, const ValueState& state);

  ValueTable& table_;
  Owner& owner_;
  bool has_store_ = false;
  std::deque<Batch> batches_;  // given out and not committed, and perhaps one that is still open
  bool is_open_ = false;       // the last one is
  uint64_t last_number_ = 0;
  size_t waiting_ = 0;
  size_t unsettled_ = 0;                    // changes of batches that were given out
  std::set<std::string> wrong_revs_;        // keys whose committed row has another rev than its change
  size_t corrections_ = 0;                  // rows that say so, and are not committed
  std::unordered_map<PeerId, Line> lines_;  // of those with something that waits
  // How many operations of a connection have waited for what is being told, and may wait again.
  std::unordered_map<PeerId, size_t> to_be_taken_;
  // The batch of the newest change of a key that waits.
  std::unordered_map<const ValueEntry*, uint64_t> batch_of_;
};

}  // namespace bus::hub
