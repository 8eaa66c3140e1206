#include "hub/core/delivery/delivery.h"

#include <algorithm>
#include <utility>

namespace bus::hub {

namespace {

// What goes out to a consumer costs as much as looking at one for every so many bytes.
constexpr size_t kBytesPerUnit = 176;

}  // namespace

Delivery::Delivery(const HubConfig& config, Transport& transport, Ledger& ledger, TurnBudget& budget,
                   Deadlines& deadlines, OutgoingOwner& owner)
    : limits_(config.queue),
      ledger_(ledger),
      budget_(budget),
      deadlines_(deadlines),
      owner_(owner),
      writer_(transport, budget),
      fanout_(config.queue, config.sharing, transport, writer_),
      reclaim_(ledger, writer_, owner) {}

// ---- what is handed in

void Delivery::reply(Outgoing& peer, std::string line, TimePoint write_by) {
  if (peer.abandoned) return;
  if (!peer.outbox.replies().has_room_for(line.size())) writer_.ask_socket(peer);
  if (!peer.outbox.replies().has_room_for(line.size())) {
    owner_.give_up(peer, Notice::Kind::unread,
                   "leaves more than " + std::to_string(kMaxControlBytes) + " bytes of replies unread");
    return;
  }
  if (!ledger_.has_room_for(*peer.account, Pool::replies, line.size())) {
    owner_.refused_memory(peer, Pool::replies);
    owner_.give_up(peer, Notice::Kind::unread,
                   ledger_.shortage_of(*peer.account, Pool::replies, line.size()));
    return;
  }
  peer.outbox.push_reply(std::move(line), write_by);
  update_charges(peer);
  will_write(peer);
  owner_.output_changed(peer);
}

void Delivery::event(const Subscribers& consumers, std::string_view frame, size_t seq_at) {
  run_consumers_ = &consumers;
  budget_.spend(consumers.size() * frame.size() / kBytesPerUnit);
  fanout_.add(frame, seq_at);
}

// From here on other events go to others: gives the run to those that it was for.
void Delivery::subscribers_change() {
  if (!fanout_.run_is_open()) return;
  budget_.spend(run_consumers_->size());
  for (Subscriber* subscriber : *run_consumers_) {
    Outgoing& peer = static_cast<Outgoing&>(*subscriber);
    fanout_.give_run(peer);
    will_write(peer);
  }
  fanout_.close_run();
}

void Delivery::notice(Outgoing& peer, std::string_view line, Payers payers) {
  push_notice(peer, block_of_line(line, 0, payers));
}

void Delivery::notice_all(const std::vector<Outgoing*>& peers, std::string_view line) {
  subscribers_change();
  budget_.spend(peers.size());
  // Of no user: it is one line for all.
  BlockPtr block = block_of_line(line, 0, {&ledger_.total(Pool::queues), nullptr});
  for (Outgoing* peer : peers) {
    queue_events(*peer);
    push_notice(*peer, block);
  }
}

void Delivery::push_notice(Outgoing& peer, const BlockPtr& line) {
  if (ledger_.total(Pool::queues).is_over()) return;
  if (!peer.outbox.push_best_effort(line, limits_)) return;
  fanout_.note_queued();
  will_write(peer);
}

bool Delivery::has_room_for_notice(const Outgoing& peer, size_t bytes) const {
  return !peer.outbox.waiting().exceeds(limits_, 1, bytes);
}

void Delivery::feed(Outgoing& peer, Feed& feed) {
  if (peer.abandoned) return;
  if (peer.fed == nullptr) peer.fed = std::make_unique<Outgoing::Fed>();
  peer.fed->feeds.push_back(&feed);
  will_write(peer);
  owner_.output_changed(peer);
}

// ---- what is written

void Delivery::will_write(Outgoing& peer) {
  if (!std::exchange(peer.unwritten, true)) unwritten_.push_back(&peer);
}

void Delivery::flush(Outgoing& peer) {
  peer.socket_full = false;
  owner_.output_changed(peer);
  will_write(peer);
}

bool Delivery::write_now(Outgoing& peer) {
  if (writer_.ask_socket(peer)) static_cast<void>(writer_.write_waiting(peer));
  update(peer);
  owner_.output_changed(peer);
  return !peer.has_output();
}

void Delivery::end_turn() {
  subscribers_change();
  serve_deferred();
  if (unwritten_.size() > 1 && !budget_.was_over()) fanout_.sort(unwritten_);
  for (size_t i = 0; i < unwritten_.size(); ++i) {
    Outgoing& peer = *unwritten_[i];
    peer.unwritten = false;
    if (budget_.is_over()) {
      fanout_.share_no_more();
      defer(peer);
      continue;
    }
    fanout_.prepare(unwritten_, i);
    write_out(peer);
    fanout_.done_with_one();
  }
  unwritten_.clear();
  fanout_.end_turn();
  if (fanout_.take_queued()) reclaim_.run();
  writer_.begin_turn();
  budget_.begin_turn();
}

// Those that turns before this one had no time for, in their order.
void Delivery::serve_deferred() {
  if (deferred_.empty()) return;
  budget_.ask();
  while (!deferred_.empty() && !budget_.is_over()) {
    Outgoing& peer = *deferred_.front();
    deferred_.pop_front();
    peer.deferred = false;
    peer.unwritten = false;
    write_out(peer);
  }
  std::erase_if(unwritten_, [](const Outgoing* peer) { return !peer->unwritten; });
}

// The peer waits for its turn.
void Delivery::defer(Outgoing& peer) {
  queue_events(peer);
  update(peer);
  if (peer.has_output() && !std::exchange(peer.deferred, true)) deferred_.push_back(&peer);
}

void Delivery::write_out(Outgoing& peer) {
  bool waited = peer.has_output();
  bool written = writer_.write_waiting(peer);
  note_dropped(peer, written ? fanout_.write(peer) : fanout_.queue(peer));
  // The edge need not look at those that got all at once.
  if (!waited && !peer.has_output()) return;
  update(peer);
  owner_.output_changed(peer);
}

// What the peer gets of this turn waits in its queue.
void Delivery::queue_events(Outgoing& peer) {
  bool waited = peer.has_output();
  note_dropped(peer, fanout_.queue(peer));
  if (waited && !peer.has_output()) owner_.output_changed(peer);
}

void Delivery::note_dropped(Outgoing& peer, size_t events) {
  if (events > 0) owner_.lost_events(peer);
}

// After its queue has changed.
void Delivery::update(Outgoing& peer) {
  update_charges(peer);
  peer.write_by.arm(deadlines_, *this, peer.outbox.replies().deadline(), peer, peer.id);
}

void Delivery::expired(Deadline& deadline, TimePoint now) {
  Outgoing& peer = RareDeadline<Outgoing>::whose(deadline);
  if (peer.abandoned) return;
  static_cast<void>(write_now(peer));
  if (peer.outbox.replies().deadline() > now) return;
  owner_.give_up(peer, Notice::Kind::unread, kNotReadInTime);
}

void Delivery::forget(Outgoing& peer) {
  if (peer.unwritten) std::erase(unwritten_, &peer);
  if (peer.deferred) std::erase(deferred_, &peer);
}

}  // namespace bus::hub
