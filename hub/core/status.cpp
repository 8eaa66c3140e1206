// The snapshot that answers status_query (PROTOCOL.md 7).
#include <algorithm>

#include "hub/core/hub_core_impl.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

constexpr size_t kUnmatchedTypesShown = 16;

int64_t age_sec(TimePoint now, TimePoint since) {
  return std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
}

int64_t age_ms(TimePoint now, TimePoint since) { return since == kNever ? -1 : to_ms(now - since); }

StatusResponse::Consumer describe(const Peer& peer, TimePoint now) {
  StatusResponse::Consumer out;
  out.pid = peer.pid != 0 ? peer.pid : peer.kernel_pid;
  if (peer.kernel_pid != out.pid) out.kernel_pid = peer.kernel_pid;
  out.event_key = peer.key;
  out.subscription_id = peer.subscription_id;
  out.received = peer.outbox.received();
  out.dropped = peer.outbox.dropped();
  out.delivered = peer.outbox.delivered();
  out.queued = peer.outbox.queued();
  out.queued_bytes = peer.outbox.queued_bytes();
  out.uid = peer.uid;
  out.event_types = peer.event_types;
  out.connected_sec = age_sec(now, peer.since);
  out.exclusive = peer.exclusive;
  out.delivered_bytes = peer.outbox.delivered_bytes();
  return out;
}

StatusResponse::Source describe(const NamedSource& source, TimePoint now) {
  return {source.name, source.state,     source.pid,
          source.uid,  source.published, age_ms(now, source.last_event)};
}

StatusResponse::Source describe_unnamed(const Peer& peer, TimePoint now) {
  int64_t pid = peer.pid != 0 ? peer.pid : peer.kernel_pid;
  Publications none;
  const Publications& sent = peer.publications ? *peer.publications : none;
  return {{}, SourceState::connected, pid, peer.uid, sent.count, age_ms(now, sent.last)};
}

constexpr size_t kUsersShown = 64;

StatusResponse::Memory describe(const Ledger& ledger, size_t limit, uint64_t resident) {
  StatusResponse::Memory out{limit, resident, {}};
  for (size_t i = 0; i < kPools; ++i) {
    auto pool = static_cast<Pool>(i);
    const Meter& meter = ledger.total(pool);
    out.pools.push_back({name_of(pool), meter.used, meter.peak, meter.limit, meter.refused});
  }
  return out;
}

// Those with the most connections.
std::vector<StatusResponse::User> users_of(const Ledger& ledger) {
  std::vector<StatusResponse::User> out;
  ledger.for_each([&](const Account& account) {
    if (account.connections == 0) return;
    size_t unfinished = account.meter(Pool::unfinished).used + account.meter(Pool::handshaking).used;
    out.push_back(
        {account.uid, account.connections, account.waiting, account.meter(Pool::queues).used, unfinished});
  });
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.connections != b.connections ? a.connections > b.connections : a.uid < b.uid;
  });
  if (out.size() > kUsersShown) out.resize(kUsersShown);
  return out;
}

// What a consumer takes in a status_response at least.
size_t least_bytes(const Peer& peer) {
  size_t bytes = peer.key.size();
  for (const std::string& type : peer.event_types) bytes += type.size();
  return bytes;
}

}  // namespace

Summary HubCore::Impl::summary() const {
  Summary out{consumers_.size(), publishers_, events_.dropped};
  peers_.for_each([&](const Peer& peer) { out.dropped += peer.outbox.dropped(); });
  return out;
}

StatusResponse HubCore::Impl::status(TimePoint now) const {
  StatusResponse out;
  out.pid = config_.pid;
  out.uptime_sec = age_sec(now, start_);
  out.version = config_.version;
  out.bus = config_.bus;
  out.socket = config_.socket;
  out.events = events_;
  out.connections = connections_;

  // Oldest connection first, so that what is cut from a long answer is what came last.
  std::vector<const Peer*> oldest_first;
  oldest_first.reserve(peers_.size());
  peers_.for_each([&](const Peer& peer) { oldest_first.push_back(&peer); });
  std::sort(oldest_first.begin(), oldest_first.end(),
            [](const Peer* a, const Peer* b) { return a->id < b->id; });

  size_t consumer_bytes = 0;
  for (const NamedSource* source : sources_.known()) out.sources.push_back(describe(*source, now));
  for (const Peer* peer : oldest_first) {
    out.events.delivered += peer->outbox.delivered();
    out.events.delivered_bytes += peer->outbox.delivered_bytes();
    out.events.dropped += peer->outbox.dropped();
    if (peer->phase == Phase::consumer) {
      // What cannot fit is not even looked at: thousands with hundreds of types each would take long.
      consumer_bytes += least_bytes(*peer);
      out.truncated = out.truncated || consumer_bytes > kMaxFrameBytes;
      if (!out.truncated) out.consumers.push_back(describe(*peer, now));
    }
    bool source = peer->phase == Phase::source || peer->phase == Phase::anonymous;
    if (source && peer->named == nullptr) out.sources.push_back(describe_unnamed(*peer, now));
    if (source || peer->phase == Phase::consumer) ++out.active_conns;
  }
  out.unmatched_types = unmatched_.top(kUnmatchedTypesShown);
  for (const KeyRegistry::Lock& lock : registry_.locks()) {
    out.cleanup_locks.push_back({lock.scope, lock.pid, to_ms(now - lock.since), lock.waiting});
  }
  out.limits.frame_bytes = kMaxFrameBytes;
  out.limits.queue_frames = config_.queue.frames;
  out.limits.queue_bytes = config_.queue.bytes;
  out.limits.max_connections = config_.max_connections;
  out.limits.idle_exit_ms = config_.idle_exit == Duration::max() ? -1 : to_ms(config_.idle_exit);
  out.limits.dedup_window_ms = to_ms(config_.dedup_window);
  out.limits.cleanup_timeout_ms = to_ms(config_.cleanup_timeout);
  out.limits.waiting_hellos = kMaxWaitingHellos;
  out.limits.uid_share_percent = config_.uid_share_percent;
  ProcessStats process_stats = transport_.process_stats();
  out.memory = describe(ledger_, config_.memory, process_stats.resident_bytes);
  out.users = users_of(ledger_);
  out.callbacks = std::move(process_stats.callbacks);
  return out;
}

}  // namespace bus::hub
