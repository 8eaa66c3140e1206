#include "consumer/cli/status_report.h"

#include <rapidjson/document.h>

namespace bus::cli {

namespace {

using Json = rapidjson::Value;

const Json* member(const Json& object, const char* name) {
  auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

// RapidJSON asserts on the wrong type in debug builds only, and reads wild otherwise: every look is checked.
std::string text_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsString() ? std::string(value->GetString(), value->GetStringLength())
                                               : std::string();
}

uint64_t number_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsUint64() ? value->GetUint64() : 0;
}

std::optional<uint64_t> number_if_any(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsUint64() ? std::optional(value->GetUint64()) : std::nullopt;
}

int64_t pid_of(const Json& object, const char* name = "pid") {
  const Json* value = member(object, name);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
}

// Calls `take` for each object of the array called `name`.
template <class Take>
void for_each_in(const Json& object, const char* name, Take take) {
  const Json* array = member(object, name);
  if (array == nullptr || !array->IsArray()) return;
  for (const Json& element : array->GetArray()) {
    if (element.IsObject()) take(element);
  }
}

ConsumerReport consumer_of(const Json& json) {
  ConsumerReport consumer;
  consumer.pid = pid_of(json);
  consumer.kernel_pid = pid_of(json, "kernel_pid");
  consumer.key = text_of(json, "event_key");
  consumer.subscription_id = text_of(json, "subscription_id");
  consumer.received = number_of(json, "received");
  consumer.delivered = number_of(json, "delivered");
  consumer.dropped = number_of(json, "dropped");
  consumer.queued = number_of(json, "queued");
  consumer.queued_bytes = number_of(json, "queued_bytes");
  consumer.connected_sec = number_of(json, "connected_sec");
  consumer.delivered_bytes = number_if_any(json, "delivered_bytes");
  const Json* types = member(json, "event_types");
  if (types == nullptr || !types->IsArray()) return consumer;
  for (const Json& type : types->GetArray()) {
    if (type.IsString()) consumer.event_types.emplace_back(type.GetString(), type.GetStringLength());
  }
  return consumer;
}

SourceReport source_of(const Json& json) {
  SourceReport source;
  source.name = text_of(json, "source");
  source.state = text_of(json, "state");
  source.pid = pid_of(json);
  source.published = number_of(json, "published");
  source.last_event_ms_ago = number_if_any(json, "last_event_ms_ago");
  return source;
}

void read_totals(const Json& json, StatusReport& report) {
  const Json* events = member(json, "events");
  if (events == nullptr || !events->IsObject()) return;
  report.published = number_of(*events, "published");
  report.delivered = number_of(*events, "delivered");
  report.dropped = number_of(*events, "dropped");
  report.duplicates = number_of(*events, "duplicates");
  report.unmatched = number_of(*events, "unmatched");
  report.refused = number_of(*events, "refused");
  report.published_bytes = number_if_any(*events, "published_bytes");
  report.delivered_bytes = number_if_any(*events, "delivered_bytes");
}

void read_connections(const Json& json, StatusReport& report) {
  const Json* connections = member(json, "connections");
  if (connections == nullptr || !connections->IsObject()) return;
  report.uncleaned = number_of(*connections, "uncleaned");
}

void read_memory(const Json& json, StatusReport& report) {
  if (const Json* memory = member(json, "memory"); memory != nullptr && memory->IsObject()) {
    report.memory_bytes = number_of(*memory, "resident_bytes");
    report.memory_limit_bytes = number_of(*memory, "limit_bytes");
    for_each_in(*memory, "pools", [&](const Json& item) {
      report.pools.push_back({text_of(item, "pool"), number_of(item, "used_bytes"),
                              number_of(item, "limit_bytes"), number_of(item, "refused")});
    });
  }
  if (const Json* callbacks = member(json, "callbacks"); callbacks != nullptr && callbacks->IsObject()) {
    report.longest_callback_us = number_of(*callbacks, "longest_us");
  }
}

}  // namespace

std::optional<StatusReport> parse_status(std::string_view frame) {
  rapidjson::Document json;
  // Iterative: what listens there may not be a hub, and nesting must not cost us the stack.
  json.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(frame.data(),
                                                                                     frame.size());
  if (json.HasParseError() || !json.IsObject() || text_of(json, "type") != "status_response")
    return std::nullopt;
  StatusReport report;
  report.pid = pid_of(json);
  report.version = text_of(json, "version");
  report.bus = text_of(json, "bus");
  report.socket = text_of(json, "socket");
  report.uptime_sec = number_of(json, "uptime_sec");
  report.active_conns = number_of(json, "active_conns");
  read_totals(json, report);
  read_connections(json, report);
  read_memory(json, report);
  for_each_in(json, "consumers", [&](const Json& item) { report.consumers.push_back(consumer_of(item)); });
  for_each_in(json, "sources", [&](const Json& item) { report.sources.push_back(source_of(item)); });
  for_each_in(json, "cleanup_locks", [&](const Json& item) {
    report.locks.push_back(
        {text_of(item, "scope"), pid_of(item), number_of(item, "held_ms"), number_of(item, "waiting"), {}});
  });
  for_each_in(json, "unmatched_types", [&](const Json& item) {
    report.unmatched_types.push_back({text_of(item, "event_type"), number_of(item, "count")});
  });
  report.has_calls = member(json, "calls") != nullptr;
  for_each_in(json, "tasks", [&](const Json& item) {
    report.tasks.push_back({text_of(item, "task"), number_of(item, "providers")});
  });
  const Json* truncated = member(json, "truncated");
  report.truncated = truncated != nullptr && truncated->IsTrue();
  return report;
}

std::set<std::string> keys_of(const StatusReport& report) {
  std::set<std::string> keys;
  for (const ConsumerReport& consumer : report.consumers) keys.insert(consumer.key);
  return keys;
}

std::set<std::string> types_of(const StatusReport& report) {
  std::set<std::string> types;
  for (const ConsumerReport& consumer : report.consumers) {
    types.insert(consumer.event_types.begin(), consumer.event_types.end());
  }
  for (const TypeCount& unmatched : report.unmatched_types) types.insert(unmatched.type);
  return types;
}

std::set<std::string> tasks_of(const StatusReport& report) {
  std::set<std::string> tasks;
  if (report.has_calls) tasks = {"bus.status", "bus.sync", "bus.tasks"};
  for (const TaskReport& task : report.tasks) {
    if (task.providers > 0) tasks.insert(task.task);
  }
  return tasks;
}

std::set<std::string> sources_of(const StatusReport& report) {
  std::set<std::string> names;
  for (const SourceReport& source : report.sources) names.insert(source.name);
  return names;
}

}  // namespace bus::cli
