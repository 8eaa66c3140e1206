#include "protocol/status_codec.h"

#include <algorithm>
#include <concepts>
#include <type_traits>

#include "protocol/codec.h"
#include "protocol/json_writer.h"

namespace bus {

namespace {

// Each object's members are listed once, by members() below, in the order of the wire. `Writing` puts them
// out, `Reading` takes them in; so the two cannot differ.

class Writing {
 public:
  explicit Writing(std::string& out) : writer_(out) {}

  template <class Integer>
  void number(std::string_view name, Integer value) {
    writer_.number(name, value);
  }
  template <class Integer>
  void number_unless(Integer absent, std::string_view name, const Integer& value) {
    if (value != absent) writer_.number(name, value);
  }
  void text(std::string_view name, const std::string& value) { writer_.text(name, value); }
  void text_if_any(std::string_view name, const std::string& value) { writer_.text_if_any(name, value); }
  void flag_if_set(std::string_view name, bool value) { writer_.flag_if_set(name, value); }
  void event_types(std::string_view name, const std::vector<std::string>& value) {
    writer_.texts(name, value);
  }
  void state(std::string_view name, SourceState value) { writer_.text(name, name_of(value)); }
  template <class T>
  void object(std::string_view name, const T& value) {
    append(writer_.member(name), value);
  }
  template <class T>
  void list(std::string_view name, const std::vector<T>& values) {
    writer_.list(name, values, append<T>);
  }
  void end() { writer_.end(); }

  template <class T>
  static void append(std::string& out, const T& value) {
    Writing writing(out);
    members(writing, value);
    writing.end();
  }

 private:
  ObjectWriter writer_;
};

class Reading {
 public:
  explicit Reading(Fields& fields) : fields_(fields) {}

  void number(std::string_view name, uint64_t& value) { value = fields_.count(name); }
  void number(std::string_view name, int64_t& value) { value = fields_.integer(name); }
  void number_unless(int64_t absent, std::string_view name, int64_t& value) {
    value = fields_.integer(name, absent);
  }
  void number_unless(uint64_t, std::string_view name, uint64_t& value) { value = fields_.count(name); }
  void text(std::string_view name, std::string& value) { value = fields_.text(name); }
  void text_if_any(std::string_view name, std::string& value) { value = fields_.text(name); }
  void flag_if_set(std::string_view name, bool& value) { value = fields_.flag(name); }
  void event_types(std::string_view name, std::vector<std::string>& value) {
    value = fields_.identifiers(name, kMaxEventTypes);
  }
  void state(std::string_view name, SourceState& value) {
    auto known = source_state_of(fields_.required_text(name));
    if (known) {
      value = *known;
    } else {
      fields_.fail("sources[].state is none of connecting, connected, disconnected, reconnecting");
    }
  }
  template <class T>
  void object(std::string_view name, T& value) {
    fields_.object(name, [&](Fields& inside) {
      Reading reading(inside);
      members(reading, value);
    });
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& values) {
    fields_.each_object(name, [&](Fields& inside) {
      Reading reading(inside);
      members(reading, values.emplace_back());
    });
  }

 private:
  Fields& fields_;
};

// A T, to be written (const) or read.
template <class Given, class T>
concept Some = std::same_as<std::remove_const_t<Given>, T>;

template <class Way>
void members(Way& way, Some<StatusResponse::Consumer> auto& consumer) {
  way.number("pid", consumer.pid);
  way.text("event_key", consumer.event_key);
  way.text_if_any("subscription_id", consumer.subscription_id);
  way.number("received", consumer.received);
  way.number("dropped", consumer.dropped);
  way.number_unless(int64_t{0}, "kernel_pid", consumer.kernel_pid);
  way.number("uid", consumer.uid);
  way.event_types("event_types", consumer.event_types);
  way.number("delivered", consumer.delivered);
  way.number("queued", consumer.queued);
  way.number("queued_bytes", consumer.queued_bytes);
  way.number("connected_sec", consumer.connected_sec);
  way.flag_if_set("exclusive", consumer.exclusive);
  way.number("delivered_bytes", consumer.delivered_bytes);
}

template <class Way>
void members(Way& way, Some<StatusResponse::Source> auto& source) {
  way.text("source", source.source);
  way.state("state", source.state);
  way.number("pid", source.pid);
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
  way.flag_if_set("truncated", response.truncated);
}

// Drops elements from the end of `list` until `excess` bytes are saved, or none are left.
template <class T>
void shorten(std::vector<T>& list, size_t& excess) {
  std::string element;
  while (excess > 0 && !list.empty()) {
    element.clear();
    Writing::append(element, list.back());
    list.pop_back();
    size_t saved = element.size() + (list.empty() ? 0 : 1);  // the comma before it
    excess -= std::min(excess, saved);
  }
}

}  // namespace

StatusResponse decode_status_response(Fields& fields) {
  StatusResponse response;
  Reading reading(fields);
  members(reading, response);
  return response;
}

std::string encode_status_response(const StatusResponse& response) {
  std::string out;
  Writing writing(out);
  writing.text("type", "status_response");
  members(writing, response);
  writing.end();
  out += '\n';
  return out;
}

std::string encode_within(StatusResponse response, size_t max_bytes) {
  std::string whole = encode_status_response(response);
  if (whole.size() <= max_bytes) return whole;
  constexpr std::string_view mark = ",\"truncated\":true";
  size_t excess = whole.size() - max_bytes + (response.truncated ? 0 : mark.size());
  response.truncated = true;
  shorten(response.consumers, excess);
  shorten(response.sources, excess);
  shorten(response.unmatched_types, excess);
  shorten(response.cleanup_locks, excess);
  return encode_status_response(response);
}

}  // namespace bus
