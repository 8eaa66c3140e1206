// The room of values: what is true now, by key (PROTOCOL.md 11).
//
// Reads what peers ask, and tells them what became of it. When that takes effect is the operations', what is true the table's.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/room.h"
#include "hub/core/values/key_order.h"
#include "hub/core/values/replaced_values.h"
#include "hub/core/values/value_accounts.h"
#include "hub/core/values/value_ends.h"
#include "hub/core/values/value_keeper.h"
#include "hub/core/values/value_operations.h"
#include "hub/core/values/value_peer.h"
#include "hub/core/values/value_table.h"
#include "hub/core/values/value_watches.h"
#include "hub/core/values/value_writer.h"
#include "protocol/base/result.h"
#include "protocol/messages/value.h"

namespace bus::hub {

class Values final : public Room,
                     public OwnValues,
                     private ValueOperations::Owner,
                     private ValueWatches::Owner,
                     private ValueWriter::Owner {
 public:
  explicit Values(Hub& hub);

  // Once, before anything else; the keeper outlives us. nullptr: nothing is kept, and the only clock is that of entries.
  void begin(ValueKeeper* keeper, KeptValues kept);
  void committed(uint64_t batch, TimePoint now);
  // Unavailable: the files of the store are gone, and what they had is here only.
  void failed(const Error& reason, TimePoint now);

  std::span<const MessageRule> messages() const override;
  void leave(Peer& peer) override;
  void gone(Peer& peer) override;
  void end_of_turn(TimePoint now) override;
  bool is_busy() const override;
  void stop() override;
  void describe(StatusWriter& out, TimePoint now) const override;

  void set_own(const std::string& key, std::string value) override;
  int64_t wall_ms() override { return keeper_ == nullptr ? 0 : keeper_->wall_ms(); }

 private:
  struct Asked;

  Answer put(Peer& peer, Put& message, TimePoint now);
  Answer remove(Peer& peer, Delete& message, TimePoint now);
  Answer get(Peer& peer, Get& message, TimePoint now);
  Answer list(Peer& peer, List& message, TimePoint now);
  Answer watch(Peer& peer, Watch& message, TimePoint now);
  Answer unwatch(Peer& peer, Unwatch& message, TimePoint now);

  void judged(ValueOperation& operation, const ValueJudgement& judgement) override;
  void not_stored(ValueOperation& operation) override;
  void taken_back() override;
  void look(ValueOperation& operation) override;
  void watch_woken(ValueWatch& watch) override;
  bool is_over(const ValueEntry& entry) const override;
  void answers_taken(ValuePeer& peer) override { settle(peer); }
  TimePoint time() override { return clock(hub_.now); }

  ValuePeer& value_peer(Peer& peer);
  std::unique_ptr<Asked> asked_by(Peer& peer, std::string id, std::string key, size_t bytes);
  void take(std::unique_ptr<Asked> operation);
  std::optional<ValueFault> fault_of(const Put& message) const;
  std::optional<ValueFault> fault_of_change(const Peer& peer, const std::string& key, size_t bytes) const;
  std::optional<ValueFault> fault_of_verdict(const Asked& operation, const ValueJudgement& judgement) const;
  void refuse(ValuePeer& part, const Asked& operation, const ValueFault& fault);
  Answer refuse(Peer& peer, const std::string& id, const ValueFault& fault);
  void note_given(const ValueEntry& entry, bool expired);
  void answer_get(ValuePeer& part, const Asked& operation);
  void answer_list(ValuePeer& part, const Asked& operation);
  void begin_watch(ValuePeer& part, Asked& operation);
  void end_watch(ValuePeer& part, const Asked& operation);
  void remove_watch(ValuePeer& part, PeerWatch& watch);
  void remove_watches(ValuePeer& part);
  void settle(ValuePeer& part);
  bool is_owed(const ValuePeer& part) const;

  TimePoint clock(TimePoint now) const { return keeper_ == nullptr ? now : keeper_->clock(now); }
  void set_clock(TimePoint now);
  size_t keys_only_here() const;
  void end_what_is_over();
  void end_owned(PeerId peer);
  void end_key(std::string_view key, bool expired);
  void forget_tombstones();
  void submit();
  void wake_in_time(TimePoint now);
  size_t unread_bytes(const Peer& peer) const;
  Peer* most_unread(const Account* whose, bool of_watchers);
  void evict(Peer& peer);
  void close_overdrawn();
  void evict_slow_watchers();
  void expired(Deadline&, TimePoint) override {}

  ValueTable table_;
  KeyOrder keys_;
  ValueAccounts accounts_;
  ValueEnds ends_;
  ValueWatches watches_;
  ReplacedValues replaced_;
  ValueOperations operations_;
  ValueWriter writer_;

  ValueKeeper* keeper_ = nullptr;
  std::string path_;   // of the store; empty: nothing is stored
  std::string fault_;  // what is wrong with it
  bool has_lost_files_ = false;
  uint64_t first_rev_ = 0;   // of this run of the hub
  uint64_t above_ = 0;       // where the versions of the hub's own keys begin
  uint64_t stored_rev_ = 0;  // as the keeper was told last
  bool has_memory_ = false;  // the keeper was told
  TimePoint clock_{};        // of this entry
  TimePoint wakes_at_ = kNever;
  Deadline wake_;
  std::vector<std::string> forgotten_;  // stored tombstones that are forgotten, for the store
  uint64_t changes_ = 0;
  uint64_t expired_ = 0;
  uint64_t refused_ = 0;  // changes
};

}  // namespace bus::hub
