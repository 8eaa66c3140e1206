// A peer's life: what it becomes by its first frame, its scope and clean-up lock, and how it leaves.
#include <utility>

#include "hub/core/hub_core_impl.h"
#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "protocol/codec.h"
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

HelloAck HubCore::Impl::hello_ack(bool first) const {
  HelloAck ack;
  ack.first_for_key = first;
  ack.capabilities.assign(kHubCapabilities.begin(), kHubCapabilities.end());
  ack.capabilities.insert(ack.capabilities.end(), config_.announce.begin(), config_.announce.end());
  return ack;
}

void HubCore::Impl::hello(Peer& peer, Hello& message, TimePoint now) {
  if (peer.phase != Phase::handshake) {
    fault(peer, ErrorCode::not_allowed,
          "hello must be the first frame of a connection, and the only hello; open another connection for it",
          now);
    return;
  }
  peer.pid = message.pid;
  if (message.role == Role::source) {
    become_source(peer, message, now);
    return;
  }
  if (message.event_key.empty()) {
    fault(peer, ErrorCode::bad_frame,
          "hello of a consumer needs an event_key; only one with role source may leave it out", now);
    return;
  }
  start_counting(peer);
  size_t bytes = subscription_bytes(message);
  if (!ledger_.has_room_for(*peer.account, Pool::subscriptions, bytes)) {
    note_shortage(peer, Pool::subscriptions);
    reject(peer, shortage_of(peer, Pool::subscriptions, bytes), now);
    return;
  }
  ledger_.take(*peer.account, Pool::subscriptions, bytes);
  peer.subscription_charged = static_cast<uint32_t>(bytes);
  peer.key = std::move(message.event_key);
  peer.subscription_id = std::move(message.subscription_id);
  peer.event_types = std::move(message.event_types);
  peer.exclusive = message.exclusive;
  peer.scope = std::string_view(peer.subscription_id.empty() ? peer.key : peer.subscription_id);
  set_phase(peer, Phase::waiting);
  int64_t shown_pid = peer.pid != 0 ? peer.pid : peer.kernel_pid;
  bool may_wait = waiting_ < kMaxWaitingHellos && peer.account->waiting < peer.account->max_waiting;
  KeyRegistry::Answer answer = registry_.join(peer.scope, {peer.id, shown_pid, peer.exclusive}, may_wait);
  if (answer.outcome != KeyRegistry::Outcome::waiting) {
    answer_join(peer, answer, now);
    return;
  }
  peer.waits = true;
  ++waiting_;
  ++peer.account->waiting;
  peer.read_state = ReadState::paused;
  mark_dirty(peer);
}

void HubCore::Impl::reject(Peer& peer, const std::string& reason, TimePoint now) {
  HelloAck ack = hello_ack(false);
  ack.rejected = true;
  ack.reject_reason = reason;
  reply(peer, ack, now + kWriteTimeout);
  peer.scope = {};  // it is in none
  notice(Notice::Kind::refused_peer, peer, reason);
  close_with_answer(peer, now);
}

void HubCore::Impl::stop_waiting(Peer& peer) {
  if (!std::exchange(peer.waits, false)) return;
  --waiting_;
  --peer.account->waiting;
}

void HubCore::Impl::answer_join(Peer& peer, const KeyRegistry::Answer& answer, TimePoint now) {
  stop_waiting(peer);
  if (answer.outcome == KeyRegistry::Outcome::rejected) {
    reject(peer, answer.reason, now);
    return;
  }
  set_phase(peer, Phase::consumer);
  peer.read_state = ReadState::read;
  peer.since = now;
  close_run();
  router_.subscribe(peer, peer.event_types);
  add_consumer(peer);
  reply(peer, hello_ack(answer.outcome == KeyRegistry::Outcome::joined_first), now + kWriteTimeout);
  tell_sources(peer);
  notice(Notice::Kind::joined, peer, "consumer " + peer.key);
}

void HubCore::Impl::become_source(Peer& peer, const Hello& message, TimePoint now) {
  start_counting(peer);
  set_phase(peer, Phase::source);
  peer.since = now;
  reply(peer, hello_ack(false), now + kWriteTimeout);
  notice(Notice::Kind::joined, peer, "source " + message.source);
  if (message.source.empty()) return;
  peer.named = &sources_.add(message.source);
  peer.named->pid = peer.pid != 0 ? peer.pid : peer.kernel_pid;
  peer.named->uid = peer.uid;
  broadcast({peer.named->name, peer.named->state, {}});
}

void HubCore::Impl::become_anonymous(Peer& peer) {
  start_counting(peer);
  set_phase(peer, Phase::anonymous);
}

void HubCore::Impl::start_counting(Peer& peer) {
  BUSD_CHECK(!peer.counts);
  peer.counts = true;
  ++counting_;
}

void HubCore::Impl::pre_shutdown_check(Peer& peer, const PreShutdownCheck& message, TimePoint now) {
  std::string_view scope = message.subscription_id.empty() ? message.event_key : message.subscription_id;
  if (scope.empty()) scope = peer.scope;
  bool last = peer.phase == Phase::consumer && scope == peer.scope && registry_.check(scope, peer.id, now);
  if (last && peer.lock_since == kNever) peer.lock_since = now;
  reply(peer, PreShutdownAck{last}, now + kWriteTimeout);
}

void HubCore::Impl::leave_tables(Peer& peer) {
  if (peer.phase == Phase::leaving) return;
  if (peer.phase == Phase::consumer) {
    close_run();
    router_.unsubscribe(peer, peer.event_types);
    remove_consumer(peer);
  }
  stop_waiting(peer);
  leave_scope(peer);
  set_phase(peer, Phase::leaving);
  if (NamedSource* source = std::exchange(peer.named, nullptr); source != nullptr) {
    SourceStatus goodbye{source->name, SourceState::disconnected, {}};
    bool was_last = source->connections == 1;
    sources_.drop(*source);  // may forget it
    if (was_last) broadcast(goodbye);
  }
}

void HubCore::Impl::leave_scope(Peer& peer) {
  if (peer.scope.empty()) return;
  KeyRegistry::Departure departure = registry_.leave(peer.scope, peer.id);
  if (departure.was_last && !peer.said_bye && !stopping_) {
    ++connections_.uncleaned;
    notice(Notice::Kind::uncleaned, peer, "nobody cleaned up " + std::string(peer.scope));
  }
  for (KeyRegistry::Answer& answer : departure.answers) {
    // A peer that is rejected is in no scope from here on, though it may be told later.
    if (answer.outcome == KeyRegistry::Outcome::rejected) this->peer(answer.peer).scope = {};
    answers_.push_back(std::move(answer));
  }
  peer.scope = {};
  peer.lock_since = kNever;
}

void HubCore::Impl::source_status(const SourceStatus& status) {
  sources_.report(status);
  broadcast(status);
}

void HubCore::Impl::add_consumer(Peer& peer) {
  peer.consumer_at = consumers_.size();
  consumers_.push_back(&peer);
}

void HubCore::Impl::remove_consumer(Peer& peer) {
  consumers_[peer.consumer_at] = consumers_.back();
  consumers_[peer.consumer_at]->consumer_at = peer.consumer_at;
  consumers_.pop_back();
}

}  // namespace bus::hub
