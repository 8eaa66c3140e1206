// status_response, the one large message, as values (PROTOCOL.md 7): for tests that look at what a hub says.
//
// The hub writes it from what its rooms describe (hub/core/status/status_json.h), and programs read what they
// need of it; so this is a second list of the members, which holds the first to its names and its order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/messages/source_status.h"
#include "protocol/messages/way.h"

namespace bus::test {

// Beside StatusResponse, for clang 14 takes no optional of a nested struct with initial values.
struct StatusValues {
  uint64_t keys = 0;
  uint64_t bytes = 0;
  uint64_t tombstones = 0;
  uint64_t rev = 0;
  std::string epoch;
  uint64_t watches = 0;
  uint64_t behind = 0;
  uint64_t held = 0;
  uint64_t only_here = 0;
  uint64_t waiting = 0;
  uint64_t changes = 0;
  uint64_t expired = 0;
  uint64_t refused = 0;
  std::string store;
  std::string path;
  std::string fault;
  bool operator==(const StatusValues&) const = default;
};

// One snapshot of the hub. Times are ages in the unit that their name ends in; counts are since the hub's
// start.
struct StatusResponse {
  static constexpr std::string_view kType = "status_response";
  struct Consumer {
    int64_t pid = 0;
    std::string event_key;
    std::string subscription_id;
    uint64_t received = 0;
    uint64_t dropped = 0;
    int64_t kernel_pid = 0;  // SO_PEERCRED's where it differs from `pid`; else 0, and not written
    uint64_t uid = 0;
    std::vector<std::string> event_types;
    uint64_t delivered = 0;
    uint64_t queued = 0;
    uint64_t queued_bytes = 0;
    int64_t connected_sec = 0;
    bool exclusive = false;
    uint64_t delivered_bytes = 0;
    bool observer = false;
    bool operator==(const Consumer&) const = default;
  };
  struct Source {
    std::string source;  // empty: anonymous
    SourceState state = SourceState::connected;
    int64_t pid = 0;
    uint64_t uid = 0;
    uint64_t published = 0;
    int64_t last_event_ms_ago = -1;  // -1: none yet; omitted on the wire
    int64_t kernel_pid = 0;          // when it differs from `pid`
    bool operator==(const Source&) const = default;
  };
  struct Events {
    uint64_t published = 0;        // accepted from sources, duplicates excluded
    uint64_t delivered = 0;        // frames fully written to consumers' sockets
    uint64_t dropped = 0;          // frames evicted from consumers' queues
    uint64_t duplicates = 0;       // same source, same event_id, within the window
    uint64_t unmatched = 0;        // published, and nobody took it
    uint64_t refused = 0;          // frames answered with `error`
    uint64_t published_bytes = 0;  // of the frames that consumers get, without seq
    uint64_t delivered_bytes = 0;  // of the delivered frames
    bool operator==(const Events&) const = default;
  };
  // What became of connections, since the hub's start.
  struct Connections {
    uint64_t accepted = 0;
    uint64_t denied = 0;            // another user
    uint64_t too_many = 0;          // above max_connections
    uint64_t timed_out = 0;         // no complete first frame in time
    uint64_t cleanup_timeouts = 0;  // held a clean-up lock too long
    uint64_t unread = 0;            // left control replies unread, too many or for too long
    uint64_t evicted = 0;         // closed to get back the memory of a frame that it had read only a part of
    uint64_t uncleaned = 0;       // the last of a scope, which nobody was told to clean up
    uint64_t administrative = 0;  // accepted beyond the limits, for status_query and shutdown alone
    bool operator==(const Connections&) const = default;
  };
  struct UnmatchedType {
    std::string event_type;
    uint64_t count = 0;
    bool operator==(const UnmatchedType&) const = default;
  };
  struct CleanupLock {
    std::string scope;
    int64_t pid = 0;
    int64_t held_ms = 0;
    uint64_t waiting = 0;
    std::string task{};
    bool operator==(const CleanupLock&) const = default;
  };
  struct Limits {
    uint64_t frame_bytes = 0;
    uint64_t queue_frames = 0;
    uint64_t queue_bytes = 0;
    uint64_t max_connections = 0;
    int64_t idle_exit_ms = -1;  // -1: never
    int64_t dedup_window_ms = 0;
    int64_t cleanup_timeout_ms = 0;
    uint64_t waiting_hellos = 0;
    uint64_t uid_share_percent = 0;
    uint64_t open_calls = 0;
    uint64_t waiting_calls = 0;
    uint64_t values_keys = 0;
    uint64_t values_bytes = 0;
    bool operator==(const Limits&) const = default;
  };
  // What the hub promises to take, what it takes, and which part of it its clients make it hold.
  struct Memory {
    struct Pool {
      std::string pool;
      uint64_t used_bytes = 0;
      uint64_t peak_bytes = 0;
      uint64_t limit_bytes = 0;
      uint64_t refused = 0;  // how often somebody had to go without, or give back
      bool operator==(const Pool&) const = default;
    };
    uint64_t limit_bytes = 0;
    uint64_t resident_bytes = 0;
    std::vector<Pool> pools;
    bool operator==(const Memory&) const = default;
  };
  struct User {
    uint64_t uid = 0;
    uint64_t connections = 0;
    uint64_t waiting = 0;
    uint64_t queued_bytes = 0;
    uint64_t unfinished_bytes = 0;
    bool operator==(const User&) const = default;
  };
  // How long the hub was busy at a time, since its start.
  struct Callbacks {
    struct Bucket {
      uint64_t up_to_us = 0;  // 0: no bound
      uint64_t count = 0;
      bool operator==(const Bucket&) const = default;
    };
    uint64_t count = 0;
    uint64_t longest_us = 0;          // of the processor
    uint64_t longest_elapsed_us = 0;  // on the clock, waiting for a processor included
    std::vector<Bucket> histogram;
    bool operator==(const Callbacks&) const = default;
  };

  // Open calls, and those that have ended, by how.
  struct Calls {
    uint64_t open = 0;
    uint64_t waiting = 0;
    uint64_t done = 0;
    uint64_t failed = 0;
    uint64_t timeout = 0;
    uint64_t canceled = 0;
    uint64_t provider_gone = 0;
    uint64_t declined = 0;
    uint64_t no_provider = 0;
    uint64_t busy = 0;
    uint64_t other = 0;
    bool operator==(const Calls&) const = default;
  };
  struct Task {
    std::string task;
    uint64_t providers = 0;
    uint64_t open = 0;
    uint64_t waiting = 0;
    uint64_t done = 0;
    uint64_t ended = 0;
    uint64_t p50_us = 0;
    uint64_t p99_us = 0;
    uint64_t slots = 0;
    uint64_t free = 0;
    bool full = false;
    bool operator==(const Task&) const = default;
  };
  struct Provider {
    int64_t pid = 0;
    int64_t kernel_pid = 0;  // when it differs from `pid`
    uint64_t uid = 0;
    std::string source;
    uint64_t slots = 0;
    uint64_t open = 0;
    int64_t priority = 0;
    uint64_t late = 0;
    bool silent = false;
    std::vector<std::string> tasks;  // 16 of them at most
    uint64_t more_tasks = 0;
    bool operator==(const Provider&) const = default;
  };

  int64_t pid = 0;
  int64_t uptime_sec = 0;
  uint64_t active_conns = 0;  // hello'd and anonymous connections; not handshakes, not status queries
  std::vector<Consumer> consumers;
  std::string version;
  std::string bus;
  std::string socket;
  std::vector<Source> sources;
  Events events;
  Connections connections;
  std::vector<UnmatchedType> unmatched_types;
  std::vector<CleanupLock> cleanup_locks;
  Limits limits;
  Memory memory;
  std::vector<User> users;
  Callbacks callbacks;
  Calls calls;
  std::vector<Task> tasks;
  std::vector<Provider> providers;
  std::optional<StatusValues> values;
  bool truncated = false;
  bool operator==(const StatusResponse&) const = default;
};

template <class Way>
void members(Way& way, Some<StatusResponse::Consumer> auto& consumer) {
  way.number("pid", consumer.pid);
  way.text("event_key", consumer.event_key);
  way.text_if_any("subscription_id", consumer.subscription_id);
  way.number("received", consumer.received);
  way.number("dropped", consumer.dropped);
  way.number_unless(int64_t{0}, "kernel_pid", consumer.kernel_pid);
  way.number("uid", consumer.uid);
  way.identifiers("event_types", consumer.event_types, kMaxEventTypes);
  way.number("delivered", consumer.delivered);
  way.number("queued", consumer.queued);
  way.number("queued_bytes", consumer.queued_bytes);
  way.number("connected_sec", consumer.connected_sec);
  way.flag_if_set("exclusive", consumer.exclusive);
  way.number("delivered_bytes", consumer.delivered_bytes);
  way.flag_if_set("observer", consumer.observer);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Source> auto& source) {
  way.text("source", source.source);
  way.choice("state", source.state);
  way.number("pid", source.pid);
  way.number_unless(int64_t{0}, "kernel_pid", source.kernel_pid);
  way.number("uid", source.uid);
  way.number("published", source.published);
  way.number_unless(int64_t{-1}, "last_event_ms_ago", source.last_event_ms_ago);
}

template <class Way>
void members(Way& way, Some<StatusResponse::UnmatchedType> auto& unmatched) {
  way.text("event_type", unmatched.event_type);
  way.number("count", unmatched.count);
}

template <class Way>
void members(Way& way, Some<StatusResponse::CleanupLock> auto& lock) {
  way.text("scope", lock.scope);
  way.number("pid", lock.pid);
  way.number("held_ms", lock.held_ms);
  way.number("waiting", lock.waiting);
  way.text_if_any("task", lock.task);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Events> auto& events) {
  way.number("published", events.published);
  way.number("delivered", events.delivered);
  way.number("dropped", events.dropped);
  way.number("duplicates", events.duplicates);
  way.number("unmatched", events.unmatched);
  way.number("refused", events.refused);
  way.number("published_bytes", events.published_bytes);
  way.number("delivered_bytes", events.delivered_bytes);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Connections> auto& connections) {
  way.number("accepted", connections.accepted);
  way.number("denied", connections.denied);
  way.number("too_many", connections.too_many);
  way.number("timed_out", connections.timed_out);
  way.number("cleanup_timeouts", connections.cleanup_timeouts);
  way.number("unread", connections.unread);
  way.number("evicted", connections.evicted);
  way.number("uncleaned", connections.uncleaned);
  way.number("administrative", connections.administrative);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Limits> auto& limits) {
  way.number("frame_bytes", limits.frame_bytes);
  way.number("queue_frames", limits.queue_frames);
  way.number("queue_bytes", limits.queue_bytes);
  way.number("max_connections", limits.max_connections);
  way.number_unless(int64_t{-1}, "idle_exit_ms", limits.idle_exit_ms);
  way.number("dedup_window_ms", limits.dedup_window_ms);
  way.number("cleanup_timeout_ms", limits.cleanup_timeout_ms);
  way.number("waiting_hellos", limits.waiting_hellos);
  way.number("uid_share_percent", limits.uid_share_percent);
  way.number("open_calls", limits.open_calls);
  way.number("waiting_calls", limits.waiting_calls);
  way.number_unless(uint64_t{0}, "values_keys", limits.values_keys);
  way.number_unless(uint64_t{0}, "values_bytes", limits.values_bytes);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Calls> auto& calls) {
  way.number("open", calls.open);
  way.number("waiting", calls.waiting);
  way.number("done", calls.done);
  way.number("failed", calls.failed);
  way.number("timeout", calls.timeout);
  way.number("canceled", calls.canceled);
  way.number("provider_gone", calls.provider_gone);
  way.number("declined", calls.declined);
  way.number("no_provider", calls.no_provider);
  way.number("busy", calls.busy);
  way.number("other", calls.other);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Task> auto& task) {
  way.text("task", task.task);
  way.number("providers", task.providers);
  way.number("open", task.open);
  way.number("waiting", task.waiting);
  way.number("done", task.done);
  way.number("ended", task.ended);
  way.number("p50_us", task.p50_us);
  way.number("p99_us", task.p99_us);
  way.number("slots", task.slots);
  way.number("free", task.free);
  way.flag_if_set("full", task.full);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Provider> auto& provider) {
  way.number("pid", provider.pid);
  way.number_unless(int64_t{0}, "kernel_pid", provider.kernel_pid);
  way.number("uid", provider.uid);
  way.identifier_if_any("source", provider.source);
  way.number("slots", provider.slots);
  way.number("open", provider.open);
  way.number_unless(int64_t{0}, "priority", provider.priority);
  way.number("late", provider.late);
  way.flag_if_set("silent", provider.silent);
  way.identifiers("tasks", provider.tasks, 16);
  way.number_unless(uint64_t{0}, "more_tasks", provider.more_tasks);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Memory::Pool> auto& pool) {
  way.text("pool", pool.pool);
  way.number("used_bytes", pool.used_bytes);
  way.number("peak_bytes", pool.peak_bytes);
  way.number("limit_bytes", pool.limit_bytes);
  way.number("refused", pool.refused);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Memory> auto& memory) {
  way.number("limit_bytes", memory.limit_bytes);
  way.number("resident_bytes", memory.resident_bytes);
  way.list("pools", memory.pools);
}

template <class Way>
void members(Way& way, Some<StatusResponse::User> auto& user) {
  way.number("uid", user.uid);
  way.number("connections", user.connections);
  way.number("waiting", user.waiting);
  way.number("queued_bytes", user.queued_bytes);
  way.number("unfinished_bytes", user.unfinished_bytes);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Callbacks::Bucket> auto& bucket) {
  way.number_unless(uint64_t{0}, "up_to_us", bucket.up_to_us);
  way.number("count", bucket.count);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Callbacks> auto& callbacks) {
  way.number("count", callbacks.count);
  way.number("longest_us", callbacks.longest_us);
  way.number("longest_elapsed_us", callbacks.longest_elapsed_us);
  way.list("histogram", callbacks.histogram);
}

template <class Way>
void members(Way& way, Some<StatusValues> auto& values) {
  way.number("keys", values.keys);
  way.number("bytes", values.bytes);
  way.number("tombstones", values.tombstones);
  way.number("rev", values.rev);
  way.text("epoch", values.epoch);
  way.number("watches", values.watches);
  way.number("behind", values.behind);
  way.number("held", values.held);
  way.number("only_here", values.only_here);
  way.number("waiting", values.waiting);
  way.number("changes", values.changes);
  way.number("expired", values.expired);
  way.number("refused", values.refused);
  way.text("store", values.store);
  way.text_if_any("path", values.path);
  way.text_if_any("fault", values.fault);
}

template <class Way>
void members(Way& way, Some<StatusResponse> auto& response) {
  way.number("pid", response.pid);
  way.number("uptime_sec", response.uptime_sec);
  way.number("active_conns", response.active_conns);
  way.list("consumers", response.consumers);
  way.text("version", response.version);
  way.text("bus", response.bus);
  way.text("socket", response.socket);
  way.list("sources", response.sources);
  way.object("events", response.events);
  way.object("connections", response.connections);
  way.list("unmatched_types", response.unmatched_types);
  way.list("cleanup_locks", response.cleanup_locks);
  way.object("limits", response.limits);
  way.object("memory", response.memory);
  way.list("users", response.users);
  way.object("callbacks", response.callbacks);
  way.object("calls", response.calls);
  way.list("tasks", response.tasks);
  way.list("providers", response.providers);
  way.object_if_any("values", response.values);
  way.flag_if_set("truncated", response.truncated);
}

}  // namespace bus::test
