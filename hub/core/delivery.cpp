// A turn's end: each consumer is written what it gets of the turn, and what its socket does not take waits in
// its outbox.
//
// The way of nearly every event: the consumer has nothing queued, so its stream of this turn is rendered (or
// only the seqs of the last rendering are overwritten) and goes to the socket in one write. Nothing is
// allocated on it. What the socket refuses becomes queued events, and a consumer that has some is served from
// its queue, in large writes.
//
// A large rendering that several consumers get is not copied into their sockets but shared with them
// (Transport::shared_buffer): as it is with those whose seqs are the same, and if its frames are large, in pieces with
// other digits between them with the others. Measured against copying: 1.2 to 2 times less CPU at 8
// consumers, 3 to 6 times less at 64.
#include <algorithm>
#include <functional>
#include <utility>

#include "hub/core/hub_core_impl.h"
#include "protocol/base/check.h"
#include "protocol/codec.h"

namespace bus::hub {

namespace {

// What is written from a queue at once: whole frames until there is about this much.
constexpr size_t kRenderBytes = 256 * 1024;
// What one peer is written from its queue in one turn; the rest follows in its next turn.
constexpr size_t kWriteBytesPerTurn = 512 * 1024;

// What a socket that was full is given at a time, when more of its queue must go.
constexpr size_t kAskBytes = 64 * 1024;

// The edge is asked whether the turn has taken long enough once for so many that were written to, where what
// they were written counts too.
constexpr size_t kPeersPerCheck = 4;
constexpr size_t kBytesAsPeer = 128 * 1024;
// A rendering is shared with so many at once; each may need room for its own digits beside it.
constexpr size_t kMaxSharing = 1024;

// What a source that is told to a newcomer costs, in looks.
constexpr size_t kSourceCost = 50;

// When memory is short the longest queues are cut, by an eighth at a time, so that what is lost is lost
// evenly.
constexpr size_t kCutPart = 8;

}  // namespace

void HubCore::Impl::will_write(Peer& peer) {
  if (!std::exchange(peer.unwritten, true)) unwritten_.push_back(&peer);
}

// From here on other events go to others: gives the run to those that take it.
void HubCore::Impl::close_run() {
  if (!batch_.run_is_open()) return;
  cost_ += run_consumers_->size();
  for (Subscriber* subscriber : *run_consumers_) {
    Peer& peer = static_cast<Peer&>(*subscriber);
    peer.stream = batch_.extended(peer.stream);
    will_write(peer);
  }
  batch_.close_run();
}

void HubCore::Impl::end_turn() {
  close_run();
  serve_deferred();
  // Those that get events first: who asks whether his events were processed is answered when they were handed
  // out. And those together that may share.
  if (unwritten_.size() > 1 && !out_of_time_) {
    std::sort(unwritten_.begin(), unwritten_.end(), [](const Peer* a, const Peer* b) {
      return a->stream != b->stream ? a->stream - 1 < b->stream - 1
                                    : a->outbox.next_seq() < b->outbox.next_seq();
    });
  }
  for (size_t i = 0; i < unwritten_.size(); ++i) {
    Peer& peer = *unwritten_[i];
    peer.unwritten = false;
    if (turn_is_over()) {
      // Nobody behind the one at hand may take part in what was prepared to be shared: it has no room for
      // them.
      sharing_ = 0;
      defer_writing(peer);
      continue;
    }
    if (sharing_ == 0) prepare_share(i);
    write_out(peer);
    if (sharing_ > 0) --sharing_;
  }
  unwritten_.clear();
  if (!batch_.empty()) batch_.clear();
  if (std::exchange(queued_in_turn_, false)) reclaim();
  ++turn_number_;
  cost_ = 0;
  unchecked_ = 0;
  out_of_time_ = false;
}

bool HubCore::Impl::turn_is_over() {
  if (!out_of_time_ && ++unchecked_ >= kPeersPerCheck) {
    unchecked_ = 0;
    out_of_time_ = transport_.turn_is_over();
  }
  return out_of_time_;
}

// Those that turns before this one had no time for, in their order.
void HubCore::Impl::serve_deferred() {
  if (deferred_.empty()) return;
  // Several turns may share a callback, and the last of them may find its time used up.
  out_of_time_ = transport_.turn_is_over();
  while (!deferred_.empty() && !turn_is_over()) {
    Peer& peer = *deferred_.front();
    deferred_.pop_front();
    peer.deferred = false;
    peer.unwritten = false;
    write_out(peer);
  }
  std::erase_if(unwritten_, [](const Peer* peer) { return !peer->unwritten; });
}

// What the peer gets of this turn waits in its queue, and it for its turn.
void HubCore::Impl::defer_writing(Peer& peer) {
  if (Batch::StreamId stream = std::exchange(peer.stream, 0); stream != 0) queue_stream(peer, stream, 0);
  charge_output(peer);
  if (!peer.outbox.empty() && !std::exchange(peer.deferred, true)) deferred_.push_back(&peer);
}

// Renders what the peer at `first` and those behind it get, if sharing it with them pays.
void HubCore::Impl::prepare_share(size_t first) {
  shared_ = nullptr;
  Batch::StreamId stream = unwritten_[first]->stream;
  if (stream == 0 || batch_.bytes_of(stream) < config_.sharing.bytes) return;
  uint64_t seq = unwritten_[first]->outbox.next_seq();
  bool in_pieces = batch_.bytes_of(stream) >= config_.sharing.frame_bytes * batch_.size_of(stream);
  size_t end = first;
  while (end < unwritten_.size() && end - first < kMaxSharing && unwritten_[end]->stream == stream &&
         (in_pieces || unwritten_[end]->outbox.next_seq() == seq)) {
    ++end;
  }
  sharing_ = end - first;  // looked at once, whether or not there is something to share
  if (sharing_ < config_.sharing.consumers) return;
  size_t most = batch_.most_bytes_of(stream);
  size_t digits = in_pieces ? sharing_ * batch_.most_digits_of(stream) : 0;
  std::shared_ptr<char> shared_buffer = transport_.shared_buffer(most + digits);
  if (!shared_buffer) return;
  shared_digits_ = shared_buffer.get() + most;
  shared_ = &batch_.render_into(std::move(shared_buffer), most + digits, stream, seq);
}

void HubCore::Impl::write_out(Peer& peer) {
  bool waited = !peer.outbox.empty();
  bool written = write_queue(peer, kWriteBytesPerTurn, kRenderBytes) && !peer.socket_full;
  if (Batch::StreamId stream = std::exchange(peer.stream, 0); stream != 0) {
    if (written) {
      write_stream(peer, stream);
    } else {
      queue_stream(peer, stream, 0);
    }
  }
  // The edge need not look at those that got all at once.
  if (waited || !peer.outbox.empty()) {
    charge_output(peer);
    mark_dirty(peer);
  }
}

void HubCore::Impl::charge_output(Peer& peer) {
  auto recharge = [&](Pool pool, uint32_t& charged, size_t bytes) {
    if (bytes == charged) return;
    ledger_.give_back(*peer.account, pool, charged);
    ledger_.take(*peer.account, pool, bytes);
    charged = static_cast<uint32_t>(bytes);
  };
  recharge(Pool::queues, peer.queue_charged, peer.outbox.ring_bytes());
  recharge(Pool::replies, peer.replies_charged, peer.beyond_pool ? 0 : peer.outbox.control_memory());
}

size_t HubCore::Impl::write(Peer& peer, std::string_view bytes) {
  size_t taken = transport_.write(peer.id, bytes);
  unchecked_ += taken / kBytesAsPeer;
  note_write(peer, taken == bytes.size());
  return taken;
}

// A short write means that the buffer is full (unix(7) stream sockets); asking again would only say so.
void HubCore::Impl::note_write(Peer& peer, bool took_all) {
  peer.socket_full = !took_all;
  if (!took_all) peer.asked_in_turn = turn_number_;
}

// Writes what is queued, about `most` bytes, and in the first write about `first`. Whether nothing is left.
bool HubCore::Impl::write_queue(Peer& peer, size_t most, size_t first) {
  Outbox& outbox = peer.outbox;
  size_t want = first;
  for (size_t total = 0; !outbox.empty() && !peer.socket_full && total < most; want = kRenderBytes) {
    out_.clear();
    outbox.render(out_, std::min(want, most - total));
    size_t taken = write(peer, out_);
    outbox.advance(taken);
    total += taken;
  }
  return outbox.empty();
}

// Before anything is dropped or given up: writes what is queued to a socket that was full, in case it has
// room by now, but once a turn; and where the turn has taken long enough, no more than is enough, since there
// may be many such. Whether nothing is left, and there is room.
bool HubCore::Impl::ask_socket(Peer& peer, const std::function<bool()>& enough) {
  mark_dirty(peer);
  if (peer.socket_full) {
    if (peer.asked_in_turn == turn_number_) return false;
    peer.socket_full = false;
  }
  // Most likely it is still full: one frame is enough to see that.
  write_queue(peer, 1, 1);
  while (!peer.socket_full && !peer.outbox.empty() && !(out_of_time_ && enough && enough())) {
    write_queue(peer, kAskBytes, kAskBytes);
  }
  return peer.outbox.empty() && !peer.socket_full;
}

// Shares what prepare_share() rendered; returns how many bytes the socket took.
size_t HubCore::Impl::send_shared(Peer& peer) {
  uint64_t seq = peer.outbox.next_seq();
  const std::vector<std::string_view>* pieces = &whole_;
  if (seq == shared_->seq) {
    whole_.assign(1, shared_->bytes());
  } else {
    pieces = &batch_.pieces(seq, shared_digits_);
    shared_digits_ += batch_.most_digits_of(shared_->stream);
  }
  size_t taken = transport_.send_shared(peer.id, *pieces);
  note_write(peer, taken == shared_->size);
  return taken;
}

// Writes the stream to a peer that has nothing queued.
void HubCore::Impl::write_stream(Peer& peer, Batch::StreamId stream) {
  uint64_t seq = peer.outbox.next_seq();
  bool shares = shared_ != nullptr && sharing_ > 0 && shared_->stream == stream &&
                (seq == shared_->seq || shared_->fits(seq));
  const Batch::Rendering& rendering = shares ? *shared_ : batch_.render(stream, seq);
  size_t taken = shares ? send_shared(peer) : write(peer, rendering.bytes());
  if (taken == rendering.size) {
    peer.outbox.count_direct(batch_.size_of(stream), taken);
    return;
  }
  Batch::Place place = rendering.place_of(taken);
  peer.outbox.count_direct(place.events, taken - place.rest);
  if (place.rest > 0) {
    Payers payers = ledger_.payers(*peer.account, Pool::queues);
    const Batch::Part& partial = batch_.parts_of(stream, place.events, payers).front();
    peer.outbox.push_partial(partial.block, partial.first, place.rest);
    ++place.events;
  }
  queue_stream(peer, stream, place.events);
}

// Queues the stream without its first `skip` events.
void HubCore::Impl::queue_stream(Peer& peer, Batch::StreamId stream, size_t skip) {
  auto has_room = [&] {
    return peer.outbox.has_room_for(batch_.size_of(stream), batch_.bytes_of(stream), config_.queue);
  };
  // With `skip`, its socket has just refused the rest.
  if (skip == 0 && !has_room() && ask_socket(peer, has_room)) {
    write_stream(peer, stream);
    return;
  }
  size_t dropped = 0;
  Payers payers = ledger_.payers(*peer.account, Pool::queues);
  for (const Batch::Part& part : batch_.parts_of(stream, skip, payers))
    dropped += peer.outbox.push_events(part.block, part.first, part.end, config_.queue);
  queued_in_turn_ = true;
  note_drops(peer, dropped);
}

void HubCore::Impl::note_drops(Peer& peer, size_t dropped) {
  if (dropped != 0) ++changes_;
  if (dropped == 0 || std::exchange(peer.drop_noticed, true)) return;
  notice(Notice::Kind::slow_consumer, peer,
         "consumer " + peer.key + " is too slow: its oldest events are dropped");
}

void HubCore::Impl::push_status(Peer& peer, const BlockPtr& line) {
  if (ledger_.total(Pool::queues).is_over()) return;
  if (!peer.outbox.push_best_effort(line, config_.queue)) return;
  queued_in_turn_ = true;
  will_write(peer);
}

// For a consumer that has just joined; what does not fit its queue is left out.
void HubCore::Impl::tell_sources(Peer& peer) {
  cost_ += sources_.size() * kSourceCost;
  for (const NamedSource* source : sources_.known()) {
    if (source->has_gone()) continue;
    size_t least = source->name.size() + source->detail.size();
    if (!peer.outbox.has_room_for_line(least, config_.queue)) continue;
    std::string line = encode(SourceStatus{source->name, source->state, source->detail});
    push_status(peer, block_of_line(line, 0, ledger_.payers(*peer.account, Pool::queues)));
  }
}

// A line to all consumers, behind what they get before it and ahead of what they get after it.
void HubCore::Impl::broadcast(const SourceStatus& status) {
  close_run();
  cost_ += consumers_.size();
  // Of no user: it is one line for all.
  BlockPtr line = block_of_line(encode(status), 0, {&ledger_.total(Pool::queues), nullptr});
  for (Peer* consumer : consumers_) {
    if (Batch::StreamId stream = std::exchange(consumer->stream, 0); stream != 0)
      queue_stream(*consumer, stream, 0);
    push_status(*consumer, line);
  }
}

// ---- when memory is short

// Until everyone has what he may have of the queues' pool, and all together have it.
void HubCore::Impl::reclaim() {
  if (ledger_.debtor(Pool::queues) == nullptr) return;
  peers_.for_each([&](Peer& peer) { charge_output(peer); });
  while (const Account* debtor = ledger_.debtor(Pool::queues)) {
    ++ledger_.total(Pool::queues).refused;
    reclaim_of(*debtor);
  }
}

// Cuts the longest queues of this user by a part.
void HubCore::Impl::reclaim_of(const Account& account) {
  size_t longest = 0;
  peers_.for_each([&](Peer& peer) {
    if (peer.account == &account) longest = std::max(longest, peer.outbox.droppable_bytes());
  });
  if (longest == 0) {
    release_partial(account);
    return;
  }
  size_t level = longest - longest / kCutPart - 1;
  bool enough = false;
  peers_.for_each([&](Peer& peer) {
    if (enough || peer.account != &account || peer.outbox.droppable_bytes() <= level) return;
    // Nothing is dropped that its socket would take.
    ask_socket(peer, [&] { return peer.outbox.droppable_bytes() <= level; });
    note_drops(peer, peer.outbox.drop_to(level));
    charge_output(peer);
    mark_dirty(peer);
    enough = ledger_.debtor(Pool::queues) != &account;
  });
}

// All that this user's queues still hold is events that were partly written. These cannot be dropped; but
// each may keep much more than itself from others. When that does not help, the connection that holds the
// most goes.
void HubCore::Impl::release_partial(const Account& account) {
  Peer* most = nullptr;
  peers_.for_each([&](Peer& peer) {
    if (peer.account != &account) return;
    if (most == nullptr || peer.outbox.partial_holds() > most->outbox.partial_holds()) most = &peer;
  });
  BUSD_CHECK(most != nullptr && most->outbox.partial_bytes() > 0);
  size_t event = most->outbox.partial_bytes();
  if (most->outbox.partial_holds() > 2 * event) {
    most->outbox.isolate_partial(ledger_.payers(*most->account, Pool::queues));
    return;
  }
  if (most->close_state != CloseState::close_now) {
    close_now(*most, Notice::Kind::evicted,
              "had read only a part of an event of " + std::to_string(event) +
                  " bytes, and the hub's memory for queues is used up by such events");
  }
  most->outbox.forget();
  charge_output(*most);
}

void HubCore::Impl::flush(PeerId id) {
  Peer& peer = this->peer(id);
  peer.socket_full = false;
  mark_dirty(peer);
  will_write(peer);
  end_turn();
}

}  // namespace bus::hub
