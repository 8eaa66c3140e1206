// What the model says of itself: the status snapshot.
#include <algorithm>
#include <tuple>

#include "tests/unit/hub_core/model.h"

namespace bus::test {

namespace {

constexpr size_t kUnmatchedShown = 16;  // PROTOCOL.md 7

}  // namespace

void HubModel::describe(StatusResponse& out) const {
  auto age_sec = [this](TimePoint since) {
    return std::chrono::duration_cast<std::chrono::seconds>(now_ - since).count();
  };
  out.pid = config_.pid;
  out.uptime_sec = age_sec(start_);
  out.version = config_.version;
  out.bus = config_.bus;
  out.socket = config_.socket;
  out.events = events_;
  // One by one: there may be others.
  out.connections.accepted = connections_.accepted;
  out.connections.denied = connections_.denied;
  out.connections.too_many = connections_.too_many;
  out.connections.timed_out = connections_.timed_out;
  out.connections.cleanup_timeouts = connections_.cleanup_timeouts;
  out.connections.unread = connections_.unread;
  out.connections.uncleaned = connections_.uncleaned;
  out.connections.administrative = connections_.administrative;
  out.calls.no_provider = calls_without_provider_;
  describe_peers(out);

  out.unmatched_types.clear();
  for (const auto& [type, count] : unmatched_) out.unmatched_types.push_back({type, count});
  std::stable_sort(out.unmatched_types.begin(), out.unmatched_types.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  if (out.unmatched_types.size() > kUnmatchedShown) out.unmatched_types.resize(kUnmatchedShown);

  describe_locks(out);

  out.limits.frame_bytes = 1'048'576;
  out.limits.queue_frames = config_.queue.frames;
  out.limits.queue_bytes = config_.queue.bytes;
  out.limits.max_connections = config_.max_connections;
  out.limits.idle_exit_ms = config_.idle_exit == Duration::max() ? -1 : to_ms(config_.idle_exit);
  out.limits.dedup_window_ms = to_ms(config_.dedup_window);
  out.limits.cleanup_timeout_ms = to_ms(config_.cleanup_timeout);
}

// Oldest first; those of the same age may stand in any order, so they stay as they are in `out`.
void HubModel::describe_locks(StatusResponse& out) const {
  auto place_of = [&](const std::string& name) {
    size_t i = 0;
    while (i < out.cleanup_locks.size() && out.cleanup_locks[i].scope != name) ++i;
    return i;
  };
  std::vector<std::tuple<TimePoint, size_t, std::string>> held;
  for (const auto& [name, scope] : scopes_) {
    if (scope.holder != 0) held.emplace_back(scope.held_since, place_of(name), name);
  }
  std::sort(held.begin(), held.end());
  out.cleanup_locks.clear();
  for (const auto& [since, place, name] : held) {
    const Scope& scope = scopes_.at(name);
    out.cleanup_locks.push_back(
        {name, peers_.at(scope.holder).shown_pid(), to_ms(now_ - since), scope.waiters.size()});
  }
}

void HubModel::describe_peers(StatusResponse& out) const {
  auto age_ms = [this](TimePoint since) { return since == kNever ? -1 : to_ms(now_ - since); };
  out.active_conns = 0;
  out.consumers.clear();
  out.sources.clear();
  for (const auto& [name, source] : sources_) {
    out.sources.push_back({name, source.state, source.pid, source.uid, source.published,
                           age_ms(source.last_event),
                           source.kernel_pid == source.pid ? 0 : source.kernel_pid});
  }
  for (const auto& [id, peer] : peers_) {
    out.events.delivered += peer.out.delivered();
    out.events.delivered_bytes += peer.out.delivered_bytes();
    out.events.dropped += peer.out.dropped();
    if (peer.is_source() || peer.has_joined()) ++out.active_conns;
    bool only_tells = peer.phase == Phase::anonymous && !peer.tried_to_publish;
    if (peer.is_source() && peer.source.empty() && !only_tells) {
      out.sources.push_back({{},
                             SourceState::connected,
                             peer.shown_pid(),
                             peer.uid,
                             peer.published,
                             age_ms(peer.last_event),
                             peer.kernel_pid == peer.shown_pid() ? 0 : peer.kernel_pid});
    }
    if (peer.phase != Phase::consumer) continue;
    StatusResponse::Consumer consumer;
    consumer.pid = peer.shown_pid();
    consumer.event_key = peer.hello.event_key;
    consumer.subscription_id = peer.hello.subscription_id;
    consumer.received = peer.out.received();
    consumer.dropped = peer.out.dropped();
    if (peer.kernel_pid != consumer.pid) consumer.kernel_pid = peer.kernel_pid;
    consumer.uid = peer.uid;
    consumer.event_types = peer.hello.event_types;
    consumer.delivered = peer.out.delivered();
    consumer.queued = peer.out.queued();
    consumer.queued_bytes = peer.out.queued_bytes();
    consumer.connected_sec = std::chrono::duration_cast<std::chrono::seconds>(now_ - peer.since).count();
    consumer.exclusive = peer.hello.exclusive;
    consumer.delivered_bytes = peer.out.delivered_bytes();
    consumer.observer = peer.hello.observer;
    out.consumers.push_back(std::move(consumer));
  }
}

}  // namespace bus::test
