#include "hub/core/status/status.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/core/base/budget.h"
#include "hub/core/base/config.h"
#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

constexpr size_t kUsersShown = 64;

int64_t age_sec(TimePoint now, TimePoint since) {
  return std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
}

StatusResponse::Consumer describe_consumer(const Peer& peer, TimePoint now) {
  StatusResponse::Consumer out;
  out.pid = peer.shown_pid();
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

// What a consumer takes in a status_response at least.
size_t least_bytes(const Peer& peer) {
  size_t bytes = peer.key.size();
  for (const std::string& type : peer.event_types) bytes += type.size();
  return bytes;
}

// The oldest connection first, so that what is cut from a long answer is what came last.
void describe_consumers(const Peers& peers, TimePoint now, StatusResponse& out) {
  size_t bytes = 0;
  for (const Peer* peer : peers.oldest_first()) {
    if (peer->phase != Phase::consumer) continue;
    // What cannot fit is not even looked at: thousands with hundreds of types each would take long.
    bytes += least_bytes(*peer);
    out.truncated = bytes > kMaxFrameBytes;
    if (out.truncated) return;
    out.consumers.push_back(describe_consumer(*peer, now));
  }
}

StatusResponse::Memory describe_memory(const Ledger& ledger, size_t limit, uint64_t resident) {
  StatusResponse::Memory out{limit, resident, {}};
  for (size_t i = 0; i < kPools; ++i) {
    auto pool = static_cast<Pool>(i);
    const Meter& meter = ledger.total(pool);
    out.pools.push_back({name_of(pool), meter.used, meter.peak, meter.limit, meter.refused});
  }
  return out;
}

// Those with the most connections.
std::vector<StatusResponse::User> describe_users(const Ledger& ledger) {
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

StatusResponse::Limits describe_limits(const HubConfig& config) {
  StatusResponse::Limits out;
  out.frame_bytes = kMaxFrameBytes;
  out.queue_frames = config.queue.frames;
  out.queue_bytes = config.queue.bytes;
  out.max_connections = config.max_connections;
  out.idle_exit_ms = config.idle_exit == Duration::max() ? -1 : to_ms(config.idle_exit);
  out.dedup_window_ms = to_ms(config.dedup_window);
  out.cleanup_timeout_ms = to_ms(config.cleanup_timeout);
  out.waiting_hellos = kMaxWaitingHellos;
  out.uid_share_percent = config.uid_share_percent;
  return out;
}

}  // namespace

// One who has asked: the answer is a feed, written as its socket takes it.
struct Status::Asker final : Part, Feed {
  bool render(std::string& out, size_t) override {
    out = std::exchange(line, {});
    return false;
  }

  std::string line;
  PoolCharge charge;
};

std::span<const MessageRule> Status::messages() const {
  static constexpr std::array kRules{rule<&Status::query>(Allowed::first), sent_by_hub<StatusResponse>()};
  return kRules;
}

// Before the phase changes, so that the snapshot does not count this connection in a new way.
Answer Status::query(Peer& peer, StatusQuery&, TimePoint now) {
  std::string line = encode_within(snapshot(now), kMaxFrameBytes);
  bool fits = hub_.ledger.has_room_for(*peer.account, Pool::replies, line.size());
  if (!fits && !admission_.take_administrative_place(peer)) {
    hub_.closing.refused_memory(peer, Pool::replies);
    hub_.closing.close_now(peer, Notice::Kind::unread,
                           hub_.ledger.shortage_of(*peer.account, Pool::replies, line.size()));
    return {};
  }
  if (!fits) line = encode_within(snapshot(now), kAdministrativeReplyBytes);
  Asker& asker = part<Asker>(peer);
  if (fits) asker.charge.set(*peer.account, Pool::replies, line.size());
  asker.line = std::move(line);
  hub_.delivery.feed(peer, asker);
  hub_.closing.close_with_answer(peer, now);
  return {};
}

StatusResponse Status::snapshot(TimePoint now) const {
  StatusResponse out;
  for (const Room* room : rooms_) room->describe(out, now);
  return out;
}

void Status::describe(StatusResponse& out, TimePoint now) const {
  const HubConfig& config = hub_.config;
  out.pid = config.pid;
  out.uptime_sec = age_sec(now, start_);
  out.version = config.version;
  out.bus = config.bus;
  out.socket = config.socket;
  hub_.peers.describe(out);
  out.events.refused = hub_.closing.faults;
  out.connections = hub_.peers.counts();
  describe_consumers(hub_.peers, now, out);
  out.limits = describe_limits(config);
  ProcessStats process = hub_.transport.process_stats();
  out.memory = describe_memory(hub_.ledger, config.memory, process.resident_bytes);
  out.users = describe_users(hub_.ledger);
  out.callbacks = std::move(process.callbacks);
}

}  // namespace bus::hub
