// How the room of values goes on with time and with the store, and the hub's own keys.
#include <algorithm>
#include <utility>

#include "hub/core/base/config.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"
#include "hub/core/values/values_asked.h"
#include "protocol/base/strings.h"
#include "protocol/event_pattern.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

// Tombstones that are forgotten in one turn.
constexpr size_t kForgottenPerTurn = 1000;

}  // namespace

Values::Values(Hub& hub)
    : Room(hub),
      table_({}, {}),
      keys_(table_),
      accounts_(table_, hub.ledger),
      ends_(table_),
      watches_(table_, keys_, *this),
      replaced_(table_, hub.ledger.total(Pool::replies)),
      operations_(table_, *this),
      writer_(hub, watches_, *this) {}

void Values::begin(ValueKeeper* keeper, KeptValues kept) {
  keeper_ = keeper;
  path_ = std::move(kept.path);
  fault_ = std::move(kept.fault);
  above_ = kept.version;
  if (kept.epoch.empty()) kept.epoch = hub_.config.start_id;
  writer_.set_epoch(std::move(kept.epoch));
  set_clock(hub_.now);
  table_.begin(kept.counters);
  for (KeptValues::Row& row : kept.rows) {
    table_.load(row.key, std::move(row.state), row.rev);
    // The next key takes its memory.
    std::string().swap(row.key);
  }
  first_rev_ = kept.counters.rev + 1;
  operations_.set_store(kept.takes);

  std::string own;
  ObjectWriter writer(own);
  writer.text("version", hub_.config.version);
  writer.number("pid", hub_.config.pid);
  writer.number("started_ms", wall_ms());
  writer.end();
  set_own("bus.hub", std::move(own));
  end_of_turn(hub_.now);
}

// ---- the store

void Values::committed(uint64_t batch, TimePoint now) {
  set_clock(now);
  operations_.committed(batch, clock_);
}

void Values::failed(const Error& reason, TimePoint now) {
  set_clock(now);
  fault_ = reason.what;
  has_lost_files_ = reason.code == Errc::unavailable;
  operations_.failed(clock_);
}

void Values::taken_back() {
  end_what_is_over();
  for (PeerId owner : ends_.owners()) {
    const Peer* peer = hub_.peers.find(owner);
    const ValuePeer* part = peer == nullptr ? nullptr : find_part<ValuePeer>(*peer);
    if (part == nullptr || part->has_left) end_owned(owner);
  }
}

// Told before anything of it is written to anybody.
void Values::note_given(const ValueEntry& entry, bool expired) {
  bool is_hubs = entry.key().starts_with(kHubKeys);
  if (!is_hubs) ++changes_;
  if (expired) ++expired_;
  if (keeper_ == nullptr) return;
  keeper_->give(entry.rev(), entry.visible().version);
  // A deletion of what is stored has its row.
  bool is_memory = entry.visible().exists() && !entry.visible().is_stored && !is_hubs;
  if (is_memory && !std::exchange(has_memory_, true)) keeper_->set_memory();
}

void Values::submit() {
  std::optional<ValueBatch> batch = operations_.end_turn();
  if (keeper_ == nullptr) return;
  uint64_t rev = table_.counters().rev;
  if (batch || !forgotten_.empty()) {
    ValueKeeper::Batch whole;
    whole.forgotten = std::exchange(forgotten_, {});
    whole.floor = table_.counters().floor;
    whole.rev = rev;
    if (batch) {
      whole.number = batch->number;
      whole.sync = batch->sync;
      whole.rows = std::move(batch->rows);
    }
    keeper_->submit(std::move(whole));
  }
  if (operations_.are_revs_stored() && rev != std::exchange(stored_rev_, rev)) keeper_->set_stored(rev);
}

// ---- time

void Values::set_clock(TimePoint now) {
  clock_ = clock(now);
  writer_.set_clock(clock_);
  if (ends_.next() <= clock_) end_what_is_over();
}

void Values::end_what_is_over() {
  while (const ValueEntry* entry = ends_.due(clock_)) end_key(entry->key(), true);
}

void Values::end_owned(PeerId peer) {
  set_clock(hub_.now);
  for (const std::string& key : ends_.owned_by(peer)) end_key(key, false);
}

void Values::end_key(std::string_view key, bool expired) {
  auto operation = std::make_unique<Asked>();
  operation->is_hubs = true;
  operation->key = key;
  ValueChange& change = operation->change.emplace();
  change.expired = expired;
  change.uid = hub_.config.uid;
  operations_.take(std::move(operation), clock_);
}

void Values::forget_tombstones() {
  for (size_t most = kForgottenPerTurn; most > 0; --most) {
    const ValueEntry* entry = table_.superfluous(clock_);
    if (entry == nullptr) return;
    std::string key(entry->key());
    if (operations_.has_store()) forgotten_.push_back(key);
    table_.forget(key);
  }
}

void Values::end_of_turn(TimePoint now) {
  set_clock(now);
  forget_tombstones();
  submit();
  wake_in_time(now);
  close_overdrawn();
  evict_slow_watchers();
}

// What waits for the peer and is no watch's to bound: answers, and what its socket has refused.
size_t Values::unread_bytes(const Peer& peer) const {
  const ValuePeer* part = find_part<ValuePeer>(peer);
  if (part == nullptr || peer.abandoned) return 0;
  size_t bytes = part->frames_charge.bytes();
  if (peer.fed == nullptr) return bytes;
  bytes += peer.fed->charge.bytes_of(Pool::replies);
  const SharedText& tail = peer.fed->tail.text;
  return tail && replaced_.has(tail) ? bytes + tail.size() : bytes;
}

// Of the user's connections, or of all; or of those alone that watch, and have begun to take something. nullptr: nothing waits for any.
Peer* Values::most_unread(const Account* whose, bool of_watchers) {
  Peer* most = nullptr;
  size_t most_bytes = 0;
  hub_.peers.for_each([&](Peer& peer) {
    if (whose != nullptr && peer.account != whose) return;
    const ValuePeer* part = find_part<ValuePeer>(peer);
    if (part == nullptr || (of_watchers && (part->watches.empty() || peer.fed == nullptr))) return;
    size_t bytes = unread_bytes(peer);
    if (bytes <= most_bytes) return;
    most = &peer;
    most_bytes = bytes;
  });
  return most;
}

void Values::evict(Peer& peer) {
  ++hub_.ledger.total(Pool::replies).refused;
  hub_.closing.close_now(peer, Notice::Kind::evicted,
                         "had left " + std::to_string(unread_bytes(peer)) +
                             " bytes of values unread, and the hub's memory for such is used up");
  peer.fed.reset();
  ValuePeer& part = value_peer(peer);
  part.frames = {};
  part.frames_charge.release();
  replaced_.look();
}

// Some have got answers for which there is no memory. Those that leave the most unread make room for them.
void Values::close_overdrawn() {
  for (PeerId id : writer_.take_overdrawn()) {
    Peer* peer = hub_.peers.find(id);
    while (peer != nullptr && !peer->abandoned &&
           !hub_.ledger.has_room_for(*peer->account, Pool::replies, 0)) {
      bool is_all = !hub_.ledger.total(Pool::replies).has_room_for(0);
      Peer* most = most_unread(is_all ? nullptr : peer->account, false);
      if (most == nullptr || most == peer) {
        hub_.closing.refused_memory(*peer, Pool::replies);
        hub_.closing.close_now(*peer, Notice::Kind::unread,
                               hub_.ledger.shortage_of(*peer->account, Pool::replies, 1));
        break;
      }
      evict(*most);
    }
  }
}

// What a socket has refused of a watch's frames was made already, and is in the pool of replies. It leaves half of that to those
// that ask something: beyond, the connection with the most of it goes.
void Values::evict_slow_watchers() {
  replaced_.look();
  auto is_much = [](const Meter& meter) { return meter.used > meter.limit / 2; };
  while (true) {
    const Account* whose = nullptr;
    bool is_full = is_much(hub_.ledger.total(Pool::replies));
    hub_.ledger.for_each([&](const Account& each) {
      if (is_much(each.meter(Pool::replies))) whose = &each;
    });
    if (!is_full && whose == nullptr) return;
    Peer* most = most_unread(is_full ? nullptr : whose, true);
    if (most == nullptr) return;
    evict(*most);
  }
}

void Values::wake_in_time(TimePoint now) {
  TimePoint next = std::min(ends_.next(), table_.next_superfluous());
  if (table_.superfluous(clock_) != nullptr) next = clock_;
  if (next == wakes_at_ && (next == kNever || wake_.at() != kNever)) return;
  wakes_at_ = next;
  wake_.arm(hub_.deadlines, *this, next == kNever ? kNever : now + (next - clock_));
  if (keeper_ != nullptr) keeper_->wake_at(next);
}

// What nobody else has is not to be lost because nobody is there at the moment.
bool Values::is_busy() const { return operations_.waiting() > 0 || keys_only_here() > 0; }

// What is held ends with its owner in any case.
size_t Values::keys_only_here() const {
  return has_lost_files_ ? accounts_.keys() - ends_.held() : accounts_.keys_only_here();
}

// ---- the hub's own

void Values::set_own(const std::string& key, std::string value) {
  // A name may be longer than that of a key, or look like a pattern.
  bool is_key =
      key.size() <= kMaxIdentifierBytes && parse_event_pattern(key).kind == EventPattern::Kind::exact;
  if (!is_key) return;
  set_clock(hub_.now);
  const ValueEntry* entry = table_.find(key);
  if (value.empty() && (entry == nullptr || !entry->visible().exists())) return;
  auto operation = std::make_unique<Asked>();
  operation->is_hubs = true;
  operation->key = key;
  ValueChange& change = operation->change.emplace();
  if (!value.empty()) change.value = SharedText(value);
  change.if_changed = true;
  change.uid = hub_.config.uid;
  change.above = above_;
  operations_.take(std::move(operation), clock_);
}

// ---- status

void Values::describe(StatusWriter& out, TimePoint) const {
  size_t watches = watches_.size();
  size_t behind = 0;
  hub_.peers.for_each([&](const Peer& peer) {
    if (const ValuePeer* part = find_part<ValuePeer>(peer)) behind += part->behind.size();
  });
  std::string_view store = path_.empty() ? "memory" : operations_.has_store() ? "open" : "failed";
  out.begin_object("values");
  out.number("keys", accounts_.keys(), {"busd_values_keys", "Keys that exist."});
  out.number("bytes", accounts_.bytes(),
             {"busd_values_bytes", "Size of the keys that exist, and of their values."});
  out.number("tombstones", table_.tombstones(),
             {"busd_values_tombstones", "Deleted keys whose versions are kept."});
  out.number("rev", table_.counters().rev, {"busd_values_rev", "The number of the last change."});
  out.text("epoch", writer_.epoch());
  out.number("watches", watches, {"busd_values_watches", "Open watches."});
  out.number("behind", behind, {"busd_values_watches_behind", "Watches that something waits for."});
  out.number("held", ends_.held(), {"busd_values_held", "Values that end with a connection."});
  out.number("only_here", keys_only_here(),
             {"busd_values_only_here", "Values that no file has, without those that are held."});
  out.number("waiting", operations_.waiting(),
             {"busd_values_waiting_operations", "Operations that wait for the store."});
  out.number("changes", changes_,
             {"busd_values_changes_total", "Changes of values, without those of the hub's own keys."});
  out.number("expired", expired_, {"busd_values_expired_total", "Values whose time was over."});
  out.number("refused", refused_, {"busd_values_refused_total", "Puts and deletions that were refused."});
  out.choice("store", store,
             {"busd_values_store", "What becomes of values that are to be stored, as the label says."});
  if (!path_.empty()) out.text("path", path_);
  if (!fault_.empty()) out.text("fault", fault_);
  out.end_object();
}

}  // namespace bus::hub
