#include "hub/core/status/status.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/base/config.h"
#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"
#include "hub/core/status/status_json.h"
#include "hub/core/status/status_metrics.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

constexpr size_t kUsersShown = 64;

int64_t age_sec(TimePoint now, TimePoint since) {
  return std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
}

// Series are told apart by the connection's number: a program may have several connections with one key.
void describe_consumer(StatusWriter& out, const Peer& peer, TimePoint now) {
  out.hidden_label("connection", std::to_string(peer.id));
  out.label_number("pid", peer.shown_pid());
  out.label("event_key", peer.key);
  if (!peer.subscription_id.empty()) out.label("subscription_id", peer.subscription_id);
  out.number("received", peer.outbox.received(),
             {"busd_consumer_events_received_total", "Events accepted for the consumer."});
  out.number("dropped", peer.outbox.dropped(),
             {"busd_consumer_events_dropped_total", "Events dropped from the consumer's queue."});
  if (peer.kernel_pid != peer.shown_pid()) out.number("kernel_pid", peer.kernel_pid);
  out.number("uid", peer.uid);
  out.texts("event_types", peer.event_types);
  out.number("delivered", peer.outbox.delivered(),
             {"busd_consumer_events_delivered_total", "Events written wholly to the consumer's socket."});
  out.number("queued", peer.outbox.queued(),
             {"busd_consumer_queued_events", "Events that wait for the consumer."});
  out.number("queued_bytes", peer.outbox.queued_bytes(),
             {"busd_consumer_queued_bytes", "Size of the events that wait for the consumer."});
  out.number("connected_sec", age_sec(now, peer.since),
             {"busd_consumer_connected_seconds", "Age of the consumer's connection."});
  if (peer.exclusive) out.flag("exclusive", true);
  out.number("delivered_bytes", peer.outbox.delivered_bytes(),
             {"busd_consumer_events_delivered_bytes_total", "Size of the events delivered to the consumer."});
  if (peer.observer) out.flag("observer", true);
}

void describe_limits(StatusWriter& out, const HubConfig& config, const Ledger& ledger) {
  out.begin_object("limits");
  out.number("frame_bytes", kMaxFrameBytes, {"busd_limit_frame_bytes", "Largest size of a frame."});
  out.number("queue_frames", config.queue.frames,
             {"busd_limit_queue_events", "Largest number of events that wait for a consumer."});
  out.number("queue_bytes", config.queue.bytes,
             {"busd_limit_queue_bytes", "Largest size of the events that wait for a consumer."});
  out.number("max_connections", config.max_connections,
             {"busd_limit_connections", "Largest number of connections."});
  if (config.idle_exit != Duration::max()) {
    out.number(
        "idle_exit_ms", to_ms(config.idle_exit),
        {"busd_limit_idle_exit_seconds", "Time without connections after which the hub exits.", kMilli});
  }
  out.number("dedup_window_ms", to_ms(config.dedup_window),
             {"busd_limit_dedup_window_seconds", "Time for which an event id is remembered.", kMilli});
  out.number(
      "cleanup_timeout_ms", to_ms(config.cleanup_timeout),
      {"busd_limit_cleanup_timeout_seconds", "Longest time for which a clean-up lock is held.", kMilli});
  out.number("waiting_hellos", kMaxWaitingHellos,
             {"busd_limit_waiting_hellos", "Largest number of hellos that wait for clean-up locks."});
  out.number("uid_share_percent", config.uid_share_percent,
             {"busd_limit_user_share_ratio", "Largest part of a pool that one user may have.", kPercent});
  out.number("open_calls", config.open_calls,
             {"busd_limit_open_calls", "Largest number of open calls of one connection."});
  out.number("waiting_calls", config.waiting_calls,
             {"busd_limit_waiting_calls", "Largest number of calls of one user that wait for one task."});
  if (config.values) {
    out.number("values_keys", ledger.max_value_keys(), {"busd_limit_values_keys", "Largest number of keys."});
    out.number("values_bytes", ledger.total(Pool::values).limit,
               {"busd_limit_values_bytes", "Largest size of all keys and values."});
  }
  out.end_object();
}

void describe_pools(StatusWriter& out, const Ledger& ledger) {
  out.begin_list("pools");
  for (size_t i = 0; i < kPools; ++i) {
    auto pool = static_cast<Pool>(i);
    const Meter& meter = ledger.total(pool);
    if (!out.begin_row()) break;
    out.label("pool", name_of(pool));
    out.number("used_bytes", meter.used, {"busd_memory_pool_used_bytes", "Memory charged to the pool."});
    out.number("peak_bytes", meter.peak,
               {"busd_memory_pool_peak_bytes", "Most memory that was ever charged to the pool."});
    out.number("limit_bytes", meter.limit, {"busd_memory_pool_limit_bytes", "Size of the pool."});
    out.number("refused", meter.refused,
               {"busd_memory_pool_refusals_total", "How often there was no room in the pool."});
    out.end_row();
  }
  out.end_list();
}

void describe_memory(StatusWriter& out, const Ledger& ledger, size_t limit, uint64_t resident) {
  out.begin_object("memory");
  out.number("limit_bytes", limit, {"busd_memory_limit_bytes", "Memory that the hub uses at most."});
  out.number("resident_bytes", resident,
             {"busd_memory_resident_bytes", "Resident set of the hub; 0 means unknown."});
  describe_pools(out, ledger);
  out.end_object();
}

struct UserUse {
  uint64_t uid = 0;
  uint64_t connections = 0;
  uint64_t waiting = 0;
  uint64_t queued_bytes = 0;
  uint64_t unfinished_bytes = 0;
};

// Those with the most connections.
std::vector<UserUse> largest_users(const Ledger& ledger) {
  std::vector<UserUse> out;
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

void describe_users(StatusWriter& out, const Ledger& ledger) {
  out.begin_list("users");
  for (const UserUse& user : largest_users(ledger)) {
    if (!out.begin_row()) break;
    out.label_number("uid", user.uid);
    out.number("connections", user.connections, {"busd_user_connections", "Connections of the user."});
    out.number("waiting", user.waiting,
               {"busd_user_waiting_hellos", "Hellos of the user that wait for clean-up locks."});
    out.number("queued_bytes", user.queued_bytes,
               {"busd_user_queued_bytes", "Memory of the events that wait for the user's consumers."});
    out.number("unfinished_bytes", user.unfinished_bytes,
               {"busd_user_unfinished_bytes", "Memory of the user's input that is still to be handled."});
    out.end_row();
  }
  out.end_list();
}

void describe_callbacks(StatusWriter& out, const ProcessStats::Callbacks& callbacks) {
  out.begin_object("callbacks");
  out.number("count", callbacks.count);
  out.number("longest_us", callbacks.longest_us,
             {"busd_callback_longest_seconds",
              "Most processor time that one callback of the hub's loop took.", kMicro});
  out.number("longest_elapsed_us", callbacks.longest_elapsed_us,
             {"busd_callback_longest_elapsed_seconds",
              "Most time on the clock that one callback of the hub's loop took.", kMicro});
  out.histogram("histogram", callbacks.durations,
                {"busd_callback_duration_seconds", "Processor time of the callbacks of the hub's loop."});
  out.end_object();
}

}  // namespace

// One who has asked: the answer is a feed, written as its socket takes it.
struct Status::Asker final : Part, Feed {
  bool render(std::string& out, size_t) override {
    out = std::exchange(line, {});
    is_charged = charge.bytes() > 0;
    charge.release();
    return false;
  }
  std::optional<Pool> pool() const override {
    return is_charged ? std::optional(Pool::replies) : std::nullopt;
  }

  std::string line;
  PoolCharge charge;
  bool is_charged = false;  // else it has an administrative place
};

std::span<const MessageRule> Status::messages() const {
  static constexpr std::array kRules{rule<&Status::query>(Allowed::first), sent_by_hub<StatusAnswer>()};
  return kRules;
}

// The members of a status_response, without its type.
std::optional<TaskFault> Status::serve_status(Room& room, std::string_view, size_t most, TimePoint now,
                                              std::string& result) {
  constexpr std::string_view kHead = R"({"type":"status_response",)";
  result = static_cast<Status&>(room).response(StatusFormat::json, most, now);
  result.replace(0, kHead.size(), "{");
  result.pop_back();
  return {};
}

std::span<const HubTask> Status::tasks() const {
  static constexpr std::array kTasks{HubTask{"bus.status", serve_status},
                                     HubTask{"bus.explain", serve_explain}};
  return kTasks;
}

// Before the phase changes, so that the snapshot does not count this connection in a new way.
Answer Status::query(Peer& peer, StatusQuery& message, TimePoint now) {
  std::string line = response(message.format, kMaxFrameBytes, now);
  bool fits = hub_.ledger.has_room_for(*peer.account, Pool::replies, line.size());
  if (!fits && !admission_.take_administrative_place(peer)) {
    hub_.closing.refused_memory(peer, Pool::replies);
    hub_.closing.close_now(peer, Notice::Kind::unread,
                           hub_.ledger.shortage_of(*peer.account, Pool::replies, line.size()));
    return {};
  }
  if (!fits) line = response(message.format, kAdministrativeReplyBytes, now);
  Asker& asker = part<Asker>(peer);
  if (fits) asker.charge.set(*peer.account, Pool::replies, line.size());
  asker.line = std::move(line);
  hub_.delivery.feed(peer, asker);
  hub_.closing.close_with_answer(peer, now);
  return {};
}

std::string Status::response(StatusFormat format, size_t max_bytes, TimePoint now) const {
  auto rendered = [&](auto writer) {
    for (const Room* room : rooms_) room->describe(writer, now);
    return writer.line();
  };
  return format == StatusFormat::prometheus ? rendered(StatusMetrics(max_bytes))
                                            : rendered(StatusJson(max_bytes));
}

void Status::describe(StatusWriter& out, TimePoint now) const {
  describe_hub(out, now);
  describe_consumers(out, now);
  describe_connections(out);
  describe_limits(out, hub_.config, hub_.ledger);
  ProcessStats process = hub_.transport.process_stats();
  describe_memory(out, hub_.ledger, hub_.config.memory, process.resident_bytes);
  describe_users(out, hub_.ledger);
  describe_callbacks(out, process.callbacks);
}

void Status::describe_hub(StatusWriter& out, TimePoint now) const {
  out.number("pid", hub_.config.pid);
  out.choice("version", hub_.config.version, {"busd_info", "The version of the hub, as the label says."});
  out.text("bus", hub_.config.bus);
  out.text("socket", hub_.config.socket);
  out.number("uptime_sec", age_sec(now, start_), {"busd_uptime_seconds", "Time since the hub's start."});
  out.number("active_conns", hub_.peers.active(),
             {"busd_active_connections", "Connections that are consumers or sources."});
}

// The oldest connection first, so that what is cut from a long answer is what came last.
void Status::describe_consumers(StatusWriter& out, TimePoint now) const {
  out.begin_list("consumers");
  for (const Peer* peer : hub_.peers.oldest_first()) {
    if (peer->phase != Phase::consumer) continue;
    if (!out.begin_row()) break;
    describe_consumer(out, *peer, now);
    out.end_row();
  }
  out.end_list();
}

void Status::describe_connections(StatusWriter& out) const {
  const ConnectionCounts& counts = hub_.peers.counts();
  out.begin_object("connections");
  out.number(
      "accepted", counts.accepted,
      {"busd_connections_accepted_total", "Connections accepted, those included that were refused then."});
  out.number("denied", counts.denied,
             {"busd_connections_denied_total", "Connections refused because their user is not admitted."});
  out.number("too_many", counts.too_many,
             {"busd_connections_too_many_total", "Connections refused because there were too many."});
  out.number("timed_out", counts.timed_out,
             {"busd_connections_timed_out_total", "Connections closed because no first frame came in time."});
  out.number("cleanup_timeouts", counts.cleanup_timeouts,
             {"busd_connections_cleanup_timeouts_total",
              "Connections closed because they held a clean-up lock for too long."});
  out.number(
      "unread", counts.unread,
      {"busd_connections_unread_total", "Connections closed because they left control replies unread."});
  out.number("evicted", counts.evicted,
             {"busd_connections_evicted_total",
              "Connections closed for the memory of a frame that was partly written."});
  out.number("uncleaned", counts.uncleaned,
             {"busd_connections_uncleaned_total",
              "Consumers that ended as the last of their scope and were not told to clean up."});
  out.number(
      "administrative", counts.administrative,
      {"busd_connections_administrative_total", "Connections accepted by the administrative reserve."});
  out.end_object();
}

}  // namespace bus::hub
