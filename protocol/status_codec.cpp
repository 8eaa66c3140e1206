#include "protocol/status_codec.h"

#include <algorithm>

#include "protocol/codec.h"
#include "protocol/json_writer.h"

namespace bus {

namespace {

using Consumer = StatusResponse::Consumer;
using Source = StatusResponse::Source;
using UnmatchedType = StatusResponse::UnmatchedType;
using CleanupLock = StatusResponse::CleanupLock;

void append_consumer(std::string& out, const Consumer& consumer) {
  ObjectWriter writer(out);
  writer.number("pid", consumer.pid);
  writer.text("event_key", consumer.event_key);
  writer.text_if_any("subscription_id", consumer.subscription_id);
  writer.number("received", consumer.received);
  writer.number("dropped", consumer.dropped);
  if (consumer.kernel_pid != 0 && consumer.kernel_pid != consumer.pid)
    writer.number("kernel_pid", consumer.kernel_pid);
  writer.number("uid", consumer.uid);
  writer.texts("event_types", consumer.event_types);
  writer.number("delivered", consumer.delivered);
  writer.number("queued", consumer.queued);
  writer.number("queued_bytes", consumer.queued_bytes);
  writer.number("connected_sec", consumer.connected_sec);
  writer.flag_if_set("exclusive", consumer.exclusive);
  writer.end();
}

Consumer read_consumer(Fields& fields) {
  Consumer consumer;
  consumer.pid = fields.integer("pid");
  consumer.event_key = fields.text("event_key");
  consumer.subscription_id = fields.text("subscription_id");
  consumer.received = fields.count("received");
  consumer.dropped = fields.count("dropped");
  consumer.kernel_pid = fields.integer("kernel_pid");
  consumer.uid = fields.count("uid");
  consumer.event_types = fields.identifiers("event_types", kMaxEventTypes);
  consumer.delivered = fields.count("delivered");
  consumer.queued = fields.count("queued");
  consumer.queued_bytes = fields.count("queued_bytes");
  consumer.connected_sec = fields.integer("connected_sec");
  consumer.exclusive = fields.flag("exclusive");
  return consumer;
}

void append_source(std::string& out, const Source& source) {
  ObjectWriter writer(out);
  writer.text("source", source.source);
  writer.text("state", name_of(source.state));
  writer.number("pid", source.pid);
  writer.number("uid", source.uid);
  writer.number("published", source.published);
  if (source.last_event_ms_ago >= 0) writer.number("last_event_ms_ago", source.last_event_ms_ago);
  writer.end();
}

Source read_source(Fields& fields) {
  Source source;
  source.source = fields.text("source");
  std::string state = fields.required_text("state");
  source.pid = fields.integer("pid");
  source.uid = fields.count("uid");
  source.published = fields.count("published");
  source.last_event_ms_ago = fields.integer("last_event_ms_ago", -1);
  if (auto known = source_state_of(state)) {
    source.state = *known;
  } else {
    fields.fail("sources[].state is none of connecting, connected, disconnected, reconnecting");
  }
  return source;
}

void append_unmatched(std::string& out, const UnmatchedType& unmatched) {
  ObjectWriter writer(out);
  writer.text("event_type", unmatched.event_type);
  writer.number("count", unmatched.count);
  writer.end();
}

UnmatchedType read_unmatched(Fields& fields) {
  UnmatchedType unmatched;
  unmatched.event_type = fields.text("event_type");
  unmatched.count = fields.count("count");
  return unmatched;
}

void append_lock(std::string& out, const CleanupLock& lock) {
  ObjectWriter writer(out);
  writer.text("scope", lock.scope);
  writer.number("pid", lock.pid);
  writer.number("held_ms", lock.held_ms);
  writer.number("waiting", lock.waiting);
  writer.end();
}

CleanupLock read_lock(Fields& fields) {
  CleanupLock lock;
  lock.scope = fields.text("scope");
  lock.pid = fields.integer("pid");
  lock.held_ms = fields.integer("held_ms");
  lock.waiting = fields.count("waiting");
  return lock;
}

void append_events(std::string& out, const StatusResponse::Events& events) {
  ObjectWriter writer(out);
  writer.number("published", events.published);
  writer.number("delivered", events.delivered);
  writer.number("dropped", events.dropped);
  writer.number("duplicates", events.duplicates);
  writer.number("unmatched", events.unmatched);
  writer.number("refused", events.refused);
  writer.end();
}

StatusResponse::Events read_events(Fields& fields) {
  StatusResponse::Events events;
  events.published = fields.count("published");
  events.delivered = fields.count("delivered");
  events.dropped = fields.count("dropped");
  events.duplicates = fields.count("duplicates");
  events.unmatched = fields.count("unmatched");
  events.refused = fields.count("refused");
  return events;
}

void append_connections(std::string& out, const StatusResponse::Connections& connections) {
  ObjectWriter writer(out);
  writer.number("accepted", connections.accepted);
  writer.number("denied", connections.denied);
  writer.number("too_many", connections.too_many);
  writer.number("timed_out", connections.timed_out);
  writer.number("cleanup_timeouts", connections.cleanup_timeouts);
  writer.number("unread", connections.unread);
  writer.end();
}

StatusResponse::Connections read_connections(Fields& fields) {
  StatusResponse::Connections connections;
  connections.accepted = fields.count("accepted");
  connections.denied = fields.count("denied");
  connections.too_many = fields.count("too_many");
  connections.timed_out = fields.count("timed_out");
  connections.cleanup_timeouts = fields.count("cleanup_timeouts");
  connections.unread = fields.count("unread");
  return connections;
}

void append_limits(std::string& out, const StatusResponse::Limits& limits) {
  ObjectWriter writer(out);
  writer.number("frame_bytes", limits.frame_bytes);
  writer.number("queue_frames", limits.queue_frames);
  writer.number("queue_bytes", limits.queue_bytes);
  writer.number("max_connections", limits.max_connections);
  if (limits.idle_exit_ms >= 0) writer.number("idle_exit_ms", limits.idle_exit_ms);
  writer.number("dedup_window_ms", limits.dedup_window_ms);
  writer.number("cleanup_timeout_ms", limits.cleanup_timeout_ms);
  writer.end();
}

StatusResponse::Limits read_limits(Fields& fields) {
  StatusResponse::Limits limits;
  limits.frame_bytes = fields.count("frame_bytes");
  limits.queue_frames = fields.count("queue_frames");
  limits.queue_bytes = fields.count("queue_bytes");
  limits.max_connections = fields.count("max_connections");
  limits.idle_exit_ms = fields.integer("idle_exit_ms", -1);
  limits.dedup_window_ms = fields.integer("dedup_window_ms");
  limits.cleanup_timeout_ms = fields.integer("cleanup_timeout_ms");
  return limits;
}

// Drops elements from the end of `list` until `excess` bytes are saved, or none are left. `append` writes
// one.
template <class T, class Append>
void shorten(std::vector<T>& list, size_t& excess, Append append) {
  std::string element;
  while (excess > 0 && !list.empty()) {
    element.clear();
    append(element, list.back());
    list.pop_back();
    size_t saved = element.size() + (list.empty() ? 0 : 1);  // the comma before it
    excess -= std::min(excess, saved);
  }
}

}  // namespace

StatusResponse decode_status_response(Fields& fields) {
  StatusResponse response;
  response.pid = fields.integer("pid");
  response.uptime_sec = fields.integer("uptime_sec");
  response.active_conns = fields.count("active_conns");
  fields.each_object("consumers", [&](Fields& each) { response.consumers.push_back(read_consumer(each)); });
  response.version = fields.text("version");
  response.bus = fields.text("bus");
  response.socket = fields.text("socket");
  fields.each_object("sources", [&](Fields& each) { response.sources.push_back(read_source(each)); });
  fields.object("events", [&](Fields& inside) { response.events = read_events(inside); });
  fields.object("connections", [&](Fields& inside) { response.connections = read_connections(inside); });
  fields.each_object("unmatched_types",
                     [&](Fields& each) { response.unmatched_types.push_back(read_unmatched(each)); });
  fields.each_object("cleanup_locks",
                     [&](Fields& each) { response.cleanup_locks.push_back(read_lock(each)); });
  fields.object("limits", [&](Fields& inside) { response.limits = read_limits(inside); });
  response.truncated = fields.flag("truncated");
  return response;
}

std::string encode_status_response(const StatusResponse& response) {
  std::string out;
  ObjectWriter writer(out);
  writer.text("type", "status_response");
  writer.number("pid", response.pid);
  writer.number("uptime_sec", response.uptime_sec);
  writer.number("active_conns", response.active_conns);
  writer.list("consumers", response.consumers, append_consumer);
  writer.text("version", response.version);
  writer.text("bus", response.bus);
  writer.text("socket", response.socket);
  writer.list("sources", response.sources, append_source);
  append_events(writer.member("events"), response.events);
  append_connections(writer.member("connections"), response.connections);
  writer.list("unmatched_types", response.unmatched_types, append_unmatched);
  writer.list("cleanup_locks", response.cleanup_locks, append_lock);
  append_limits(writer.member("limits"), response.limits);
  writer.flag_if_set("truncated", response.truncated);
  writer.end();
  out += '\n';
  return out;
}

std::string encode_within(StatusResponse response, size_t max_bytes) {
  std::string whole = encode_status_response(response);
  if (whole.size() <= max_bytes) return whole;
  constexpr std::string_view mark = ",\"truncated\":true";
  size_t excess = whole.size() - max_bytes + (response.truncated ? 0 : mark.size());
  response.truncated = true;
  shorten(response.consumers, excess, append_consumer);
  shorten(response.sources, excess, append_source);
  shorten(response.unmatched_types, excess, append_unmatched);
  shorten(response.cleanup_locks, excess, append_lock);
  return encode_status_response(response);
}

}  // namespace bus
