#include "hub/core/peers/handshake.h"

#include <utility>

#include "protocol/limits.h"

namespace bus::hub {

namespace {

// What a consumer's hello makes the hub keep, about: each name in the peer, the registry and the router's
// tables.
size_t subscription_bytes(const Hello& message) {
  constexpr size_t kPerName = 160;
  size_t bytes = 3 * (message.event_key.size() + message.subscription_id.size()) + 2 * kPerName;
  for (const std::string& type : message.event_types) bytes += 2 * type.size() + kPerName;
  return bytes;
}

}  // namespace

HelloAck Handshake::ack(bool first) const {
  HelloAck ack;
  ack.first_for_key = first;
  ack.capabilities.assign(kHubCapabilities.begin(), kHubCapabilities.end());
  ack.capabilities.insert(ack.capabilities.end(), config_.announce.begin(), config_.announce.end());
  return ack;
}

Answer Handshake::hello(Peer& peer, Hello& message, TimePoint now) {
  if (peer.phase != Phase::handshake) {
    return Fault{
        ErrorCode::not_allowed,
        "hello must be the first frame of a connection, and the only hello; open another connection for "
        "it"};
  }
  peer.pid = message.pid;
  if (message.role != Role::source) return become_consumer(peer, message, now);
  become_source(peer, message, now);
  return {};
}

void Handshake::become_source(Peer& peer, Hello& message, TimePoint now) {
  peers_.start_counting(peer);
  peers_.set_phase(peer, Phase::source);
  peer.key = std::move(message.source);
  peer.since = now;
  closing_.reply(peer, ack(false), now + kWriteTimeout);
  peers_.notice(Notice::Kind::joined, peer, "source " + peer.key);
  join(peer, now);
}

void Handshake::become_anonymous(Peer& peer) {
  peers_.start_counting(peer);
  peers_.set_phase(peer, Phase::anonymous);
  closing_.schedule(peer);
}

Answer Handshake::become_consumer(Peer& peer, Hello& message, TimePoint now) {
  if (message.event_key.empty()) {
    return Fault{ErrorCode::bad_frame,
                 "hello of a consumer needs an event_key; only one with role source may leave it out"};
  }
  peers_.start_counting(peer);
  if (!charge_subscription(peer, message, now)) return {};
  peer.key = std::move(message.event_key);
  peer.subscription_id = std::move(message.subscription_id);
  peer.event_types = std::move(message.event_types);
  peer.exclusive = message.exclusive;
  peers_.set_phase(peer, Phase::waiting);
  Welcome welcome;
  for (Room* room : rooms_) {
    Welcome said = room->admit(peer, now);
    welcome.first = welcome.first || said.first;
    if (said.kind == Welcome::Kind::welcome) continue;
    welcome = std::move(said);
    break;
  }
  if (welcome.kind != Welcome::Kind::waits) {
    decide(peer, welcome, now);
    return {};
  }
  peer.read_state = ReadState::paused;
  closing_.schedule(peer);
  peers_.mark_dirty(peer);
  return {};
}

bool Handshake::charge_subscription(Peer& peer, const Hello& message, TimePoint now) {
  size_t bytes = subscription_bytes(message);
  if (!ledger_.has_room_for(*peer.account, Pool::subscriptions, bytes)) {
    closing_.refused_memory(peer, Pool::subscriptions);
    reject(peer, ledger_.shortage_of(*peer.account, Pool::subscriptions, bytes), now);
    return false;
  }
  peer.subscription_charge.set(*peer.account, Pool::subscriptions, bytes);
  return true;
}

void Handshake::decide(Peer& peer, const Welcome& welcome, TimePoint now) {
  if (welcome.kind == Welcome::Kind::rejected) {
    reject(peer, welcome.reason, now);
    return;
  }
  peers_.set_phase(peer, Phase::consumer);
  peer.read_state = ReadState::read;
  peer.since = now;
  closing_.reply(peer, ack(welcome.first), now + kWriteTimeout);
  join(peer, now);
  peers_.notice(Notice::Kind::joined, peer, "consumer " + peer.key);
}

void Handshake::join(Peer& peer, TimePoint now) {
  closing_.schedule(peer);
  for (Room* room : rooms_) room->joined(peer, now);
}

void Handshake::reject(Peer& peer, const std::string& reason, TimePoint now) {
  HelloAck answer = ack(false);
  answer.rejected = true;
  answer.reject_reason = reason;
  closing_.reply(peer, answer, now + kWriteTimeout);
  peers_.notice(Notice::Kind::rejected, peer, reason);
  closing_.close_with_answer(peer, now);
}

}  // namespace bus::hub
