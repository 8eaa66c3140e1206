#include "consumer/cli/status_report.h"

#include "consumer/cli/json_members.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

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
  consumer.observer = flag_of(json, "observer");
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
  source.kernel_pid = pid_of(json, "kernel_pid");
  source.published = number_of(json, "published");
  source.last_event_ms_ago = number_if_any(json, "last_event_ms_ago");
  return source;
}

ProviderReport provider_of(const Json& json) {
  ProviderReport provider;
  provider.pid = pid_of(json);
  provider.kernel_pid = pid_of(json, "kernel_pid");
  provider.source = text_of(json, "source");
  provider.slots = number_of(json, "slots");
  provider.open = number_of(json, "open");
  provider.late = number_of(json, "late");
  provider.silent = flag_of(json, "silent");
  provider.more_tasks = number_of(json, "more_tasks");
  const Json* tasks = member(json, "tasks");
  if (tasks == nullptr || !tasks->IsArray()) return provider;
  for (const Json& task : tasks->GetArray()) {
    if (task.IsString()) provider.tasks.emplace_back(task.GetString(), task.GetStringLength());
  }
  return provider;
}

// Calls that did not end by a result count as failed, whatever the reason.
void read_calls(const Json& json, StatusReport& report) {
  const Json* calls = member(json, "calls");
  if (calls == nullptr || !calls->IsObject()) return;
  report.has_calls = true;
  report.calls_open = number_of(*calls, "open");
  report.calls_waiting = number_of(*calls, "waiting");
  report.calls_done = number_of(*calls, "done");
  for (const char* end :
       {"failed", "timeout", "canceled", "provider_gone", "declined", "no_provider", "busy", "other"})
    report.calls_failed += number_of(*calls, end);
}

std::optional<ValuesReport> values_of(const Json& json) {
  const Json* values = member(json, "values");
  if (values == nullptr || !values->IsObject()) return std::nullopt;
  const Json* limits = member(json, "limits");
  bool has_limits = limits != nullptr && limits->IsObject();
  return ValuesReport{number_of(*values, "keys"),      number_of(*values, "bytes"),
                      number_of(*values, "rev"),       number_of(*values, "watches"),
                      number_of(*values, "changes"),   number_of(*values, "waiting"),
                      text_of(*values, "store"),       text_of(*values, "path"),
                      text_of(*values, "fault"),       number_of(*values, "held"),
                      number_of(*values, "only_here"), has_limits ? number_of(*limits, "values_keys") : 0};
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
  if (!read_object(frame, json) || text_of(json, "type") != "status_response") return std::nullopt;
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
    report.locks.push_back({text_of(item, "scope"),
                            pid_of(item),
                            number_of(item, "held_ms"),
                            number_of(item, "waiting"),
                            text_of(item, "task"),
                            {}});
  });
  for_each_in(json, "unmatched_types", [&](const Json& item) {
    report.unmatched_types.push_back({text_of(item, "event_type"), number_of(item, "count")});
  });
  read_calls(json, report);
  for_each_in(json, "tasks", [&](const Json& item) {
    report.tasks.push_back({text_of(item, "task"), number_of(item, "providers"), number_of(item, "slots"),
                            number_of(item, "free"), number_of(item, "open"), number_of(item, "waiting"),
                            number_of(item, "done"), number_of(item, "ended"), number_of(item, "p50_us"),
                            number_of(item, "p99_us"), flag_of(item, "full")});
  });
  for_each_in(json, "providers", [&](const Json& item) { report.providers.push_back(provider_of(item)); });
  report.values = values_of(json);
  report.truncated = flag_of(json, "truncated");
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
  if (report.has_calls) tasks = {"bus.explain", "bus.status", "bus.sync", "bus.tasks"};
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

std::string fault_of(const ValuesReport& values) {
  bool names_path = values.path.empty() || values.fault.find(values.path) != std::string::npos;
  return names_path ? named_once(values.fault, values.path) : values.path + ": " + values.fault;
}

}  // namespace bus::cli
