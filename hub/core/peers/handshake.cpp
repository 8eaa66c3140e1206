#include "hub/core/peers/handshake.h"

#include <algorithm>
#include <utility>

#include "protocol/limits.h"

namespace bus::hub {

namespace {

// What a hello makes the hub keep, about: each name in the peer and the tables of names, and each label of a
// type in the tree of interest; of what it publishes also what waits to be told.
size_t subscription_bytes(const Hello& message) {
  constexpr size_t kPerName = 160;
  constexpr size_t kPerLabel = 224;
  constexpr size_t kPerPublishedLabel = 384;
  constexpr size_t kPublishing = 9 * 1024;
  auto labels_of = [](const std::string& type) {
    return 1 + static_cast<size_t>(std::count(type.begin(), type.end(), '.'));
  };
  size_t bytes = 0;
  if (message.role == Role::consumer) {
    bytes += 3 * (message.event_key.size() + message.subscription_id.size()) + 2 * kPerName;
    for (const std::string& type : message.event_types)
      bytes += 3 * type.size() + kPerName + labels_of(type) * kPerLabel;
    if (!message.cleanup_task.empty()) bytes += kPerName + message.cleanup_task.size();
  }
  if (!message.publishes.empty()) bytes += kPublishing;
  for (const std::string& type : message.publishes)
    bytes += 3 * type.size() + kPerName + labels_of(type) * kPerPublishedLabel;
  return bytes;
}

// No client may ask for what it would not get.
Answer role_fault(const Hello& message) {
  auto fault = [](const char* text) { return Fault{ErrorCode::bad_frame, text}; };
  if (message.role == Role::consumer && message.cleanup_task.starts_with("bus."))
    return fault("cleanup_task must not be below bus., where the tasks are the hub's; name another one");
  if (message.role != Role::client) return {};
  if (!message.event_types.empty())
    return fault("event_types of a client must be empty, because a client gets no events; say role consumer");
  if (!message.source.empty())
    return fault("source of a client must be empty, because a client is no source; say role source");
  return {};
}

}  // namespace

HelloAck Handshake::ack(bool first) const {
  HelloAck ack;
  ack.first_for_key = first;
  for (std::string_view capability : kHubCapabilities) {
    if (capability != kCapabilityValues || config_.values) ack.capabilities.emplace_back(capability);
  }
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
  if (Answer fault = role_fault(message)) return fault;
  peers_.take_part(peer, message.background);
  if (!charge_subscription(peer, message, now)) return {};
  peer.announces = std::move(message.publishes);
  switch (message.role) {
    case Role::consumer:
      become_consumer(peer, message, now);
      break;
    case Role::source:
      become_source(peer, message, now);
      break;
    case Role::client:
      become_client(peer, now);
      break;
  }
  return {};
}

void Handshake::become_source(Peer& peer, Hello& message, TimePoint now) {
  peers_.set_phase(peer, Phase::source);
  peer.key = std::move(message.source);
  peer.since = now;
  closing_.reply(peer, ack(false), now + kWriteTimeout);
  peers_.notice(Notice::Kind::joined, peer, "source " + peer.key);
  join(peer, now);
}

void Handshake::become_client(Peer& peer, TimePoint now) {
  peers_.set_phase(peer, Phase::client);
  peer.since = now;
  closing_.reply(peer, ack(false), now + kWriteTimeout);
  peers_.notice(Notice::Kind::joined, peer, "client");
  join(peer, now);
}

void Handshake::become_anonymous(Peer& peer) {
  peers_.take_part(peer, false);
  peers_.set_phase(peer, Phase::anonymous);
  closing_.schedule(peer);
}

void Handshake::become_consumer(Peer& peer, Hello& message, TimePoint now) {
  peer.key = std::move(message.event_key);
  peer.subscription_id = std::move(message.subscription_id);
  peer.event_types = std::move(message.event_types);
  peer.exclusive = message.exclusive;
  peer.observer = message.observer;
  if (!message.cleanup_task.empty())
    peer.cleanup_task = std::make_unique<std::string>(std::move(message.cleanup_task));
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
    return;
  }
  peer.read_state = ReadState::paused;
  closing_.schedule(peer);
  peers_.mark_dirty(peer);
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
