#include "hub/core/peers/peers.h"

#include <algorithm>
#include <utility>

#include "hub/core/base/config.h"
#include "protocol/base/check.h"

namespace bus::hub {

Peers::~Peers() { BUSD_CHECK(peers_.empty()); }

Peer& Peers::add(uint32_t uid, TimePoint now) {
  Peer& peer = peers_.add();
  peer.uid = uid;
  peer.since = now;
  peer.account = &ledger_.account(uid);
  ledger_.hold(*peer.account);
  ++notices_.counts.accepted;
  ++handshakes_;
  return peer;
}

void Peers::remove(Peer& peer, bool in_handshake, TimePoint now) {
  BUSD_CHECK(peer.phase == Phase::leaving);
  const Outbox& outbox = peer.outbox;
  if (peer.takes_part) {
    notice(Notice::Kind::left, peer,
           "received " + std::to_string(outbox.received()) + ", delivered " +
               std::to_string(outbox.delivered()) + ", dropped " + std::to_string(outbox.dropped()) +
               ", published " + std::to_string(peer.published ? peer.published->count : 0));
  }
  if (peer.counts) --counting_;
  if (peer.counts || in_handshake) unused_since_ = now;
  gone_.delivered += outbox.delivered();
  gone_.delivered_bytes += outbox.delivered_bytes();
  gone_.dropped += outbox.dropped();
  if (peer.dirty) std::erase(dirty_, &peer);
  Account& account = *peer.account;
  peers_.erase(peer.id);
  ledger_.release(account);
}

Peer& Peers::get(PeerId id) const {
  Peer* peer = peers_.find(id);
  BUSD_CHECK(peer != nullptr);
  return *peer;
}

std::vector<const Peer*> Peers::oldest_first() const {
  std::vector<const Peer*> out;
  out.reserve(peers_.size());
  peers_.for_each([&](const Peer& peer) { out.push_back(&peer); });
  std::sort(out.begin(), out.end(), [](const Peer* a, const Peer* b) { return a->id < b->id; });
  return out;
}

void Peers::hold(Peer& peer, Holder holder, bool held) {
  bool was_held = peer.held != 0;
  peer.held = static_cast<uint8_t>(held ? peer.held | holder : peer.held & ~holder);
  if (was_held != (peer.held != 0)) mark_dirty(peer);
}

// ---- phases

void Peers::set_phase(Peer& peer, Phase phase) {
  BUSD_CHECK(phase != Phase::handshake);
  if (peer.phase == Phase::handshake) {
    --handshakes_;
    peer.read_bytes = kReadBytes;
  }
  bool took_part = peer.phase == Phase::consumer || peer.publishes();
  if (peer.publishes()) --publishing_;
  if (peer.phase == Phase::client) --clients_;
  if (peer.phase == Phase::consumer) {
    consumers_[peer.consumer_at] = consumers_.back();
    static_cast<Peer*>(consumers_.back())->consumer_at = peer.consumer_at;
    consumers_.pop_back();
  }
  peer.phase = phase;
  if (peer.publishes()) ++publishing_;
  if (phase == Phase::client) ++clients_;
  if (phase == Phase::consumer) {
    peer.consumer_at = consumers_.size();
    consumers_.push_back(&peer);
  }
  if (took_part || phase == Phase::consumer || peer.publishes()) ++changes_;
}

void Peers::take_part(Peer& peer, bool background) {
  BUSD_CHECK(!peer.takes_part);
  peer.takes_part = true;
  if (background) return;
  peer.counts = true;
  ++counting_;
}

TimePoint Peers::unused_since() const { return counting_ == 0 && handshakes_ == 0 ? unused_since_ : kNever; }

// ---- for the edge

void Peers::mark_dirty(Peer& peer) {
  if (!std::exchange(peer.dirty, true)) dirty_.push_back(&peer);
}

const std::vector<PeerId>& Peers::take_dirty() {
  dirty_ids_.clear();
  for (Peer* peer : dirty_) {
    peer->dirty = false;
    dirty_ids_.push_back(peer->id);
  }
  dirty_.clear();
  return dirty_ids_;
}

void Peers::notice(Notice::Kind kind, const Peer& peer, std::string text) {
  notices_.add({kind, peer.id, peer.kernel_pid != 0 ? peer.kernel_pid : peer.pid, std::move(text)});
}

// ---- in numbers

Summary Peers::summary() const {
  Summary out{consumers_.size(), publishing_, gone_.dropped};
  peers_.for_each([&](const Peer& peer) { out.dropped += peer.outbox.dropped(); });
  return out;
}

DeliveryCounts Peers::deliveries() const {
  DeliveryCounts out = gone_;
  peers_.for_each([&](const Peer& peer) {
    out.delivered += peer.outbox.delivered();
    out.delivered_bytes += peer.outbox.delivered_bytes();
    out.dropped += peer.outbox.dropped();
  });
  return out;
}

}  // namespace bus::hub
