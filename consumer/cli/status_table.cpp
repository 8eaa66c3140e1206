#include "consumer/cli/status_table.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "consumer/cli/readable.h"
#include "consumer/cli/status_cells.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

using Columns = std::optional<size_t>;

void append(std::vector<TableLine>& out, std::vector<TableLine> lines) {
  std::move(lines.begin(), lines.end(), std::back_inserter(out));
}

// After an empty line.
void append_part(std::vector<TableLine>& out, std::vector<TableLine> lines) {
  if (lines.empty()) return;
  out.push_back({});
  append(out, std::move(lines));
}

TableLine event_line(const StatusReport& report, Columns columns) {
  auto count = [&](uint64_t n, const char* what) { return readable_number(n, columns) + " " + what; };
  return {"events  " + count(report.published, "published") + "  " + count(report.delivered, "delivered") +
              "  " + count(report.dropped, "dropped") + "  " + count(report.duplicates, "duplicates") + "  " +
              count(report.unmatched, "unmatched") + "  " + count(report.refused, "refused"),
          Emphasis::none};
}

std::vector<TableLine> source_lines(const StatusReport& report, Columns columns) {
  if (report.sources.empty()) return {{"no sources", Emphasis::none}};
  Grid grid({{"SOURCE", Align::left},
             {"STATE", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"PUBLISHED", Align::right},
             {"LAST EVENT", Align::right}});
  for (const SourceReport& source : report.sources) {
    grid.row(
        {source_cell(source, columns), safe_text(source.state), pid_cell(source.pid, source.kernel_pid),
         program_cell(source.program), readable_number(source.published, columns), last_event_cell(source)},
        source.state == "connected" ? Emphasis::none : Emphasis::warning);
  }
  return grid.lines();
}

// How many of the keys that there may be a hub has.
std::string keys_text(const ValuesReport& values, Columns columns) {
  return "has " + readable_number(values.keys, columns) + " of " +
         readable_number(values.most_keys, columns) + (values.most_keys == 1 ? " key" : " keys");
}

std::vector<TableLine> task_lines(const StatusReport& report, Columns columns) {
  if (report.tasks.empty()) return {};
  Grid grid({{"TASK", Align::left},
             {"PROVIDERS", Align::right},
             {"SLOTS", Align::right},
             {"FREE", Align::right},
             {"OPEN", Align::right},
             {"WAITING", Align::right},
             {"DONE", Align::right},
             {"FAILED", Align::right},
             {"P50", Align::right},
             {"P99", Align::right}});
  size_t of_bus_sources = 0;
  for (const TaskReport& task : report.tasks) {
    if (task.task.starts_with("bus.source.")) {
      ++of_bus_sources;
      continue;
    }
    grid.row({name_cell(task.task, columns), readable_number(task.providers, columns),
              readable_number(task.slots, columns), readable_number(task.free, columns),
              readable_number(task.open, columns), readable_number(task.waiting, columns),
              readable_number(task.done, columns), readable_number(task.ended - task.done, columns),
              latency_cell(task.p50_us), latency_cell(task.p99_us)},
             task.full          ? Emphasis::alarm
             : task.waiting > 0 ? Emphasis::warning
                                : Emphasis::none);
  }
  std::vector<TableLine> lines = grid.empty() ? std::vector<TableLine>() : grid.lines();
  // Everybody who has sources has them.
  if (of_bus_sources > 0)
    lines.push_back(
        {(grid.empty() ? "tasks   " : "and ") + std::to_string(of_bus_sources) + " of bus-sources",
         Emphasis::none});
  return lines;
}

std::vector<TableLine> consumer_lines(const StatusReport& report, Columns columns) {
  if (report.consumers.empty()) return {{"no consumers", Emphasis::none}};
  Grid grid({{"CONSUMER KEY", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"RECEIVED", Align::right},
             {"DROPPED", Align::right},
             {"LAG", Align::right},
             {"QUEUE", Align::right},
             {"UP", Align::right},
             {"TYPES", Align::left}});
  for (const ConsumerReport& consumer : report.consumers) {
    grid.row({key_cell(consumer, columns), pid_cell(consumer.pid, consumer.kernel_pid),
              program_cell(consumer.program), readable_number(consumer.received, columns),
              readable_number(consumer.dropped, columns), readable_number(consumer.queued, columns),
              readable_bytes(consumer.queued_bytes), readable_seconds(consumer.connected_sec),
              types_cell(consumer)},
             consumer.dropped > 0 ? Emphasis::warning : Emphasis::none);
  }
  return grid.lines();
}

}  // namespace

TableLine hub_line(const StatusReport& report) {
  return {"hub     pid " + std::to_string(report.pid) + "  version " + safe_text(report.version) + "  up " +
              readable_seconds(report.uptime_sec) + "  " + safe_text(report.socket),
          Emphasis::heading};
}

std::vector<TableLine> memory_lines(const StatusReport& report, Columns columns) {
  if (report.memory_limit_bytes == 0) return {};  // an older hub
  char longest[32];
  std::snprintf(longest, sizeof longest, "%.1f ms", static_cast<double>(report.longest_callback_us) / 1000.0);
  std::vector<TableLine> out;
  out.push_back({"memory  " + readable_bytes(report.memory_bytes) + " of " +
                     readable_bytes(report.memory_limit_bytes) + "  event loop busy for at most " + longest,
                 Emphasis::none});
  for (const PoolReport& pool : report.pools) {
    if (pool.refused == 0) continue;
    // Keys have a limit of their own, and one that meets it is refused by this pool, too.
    bool has_keys = pool.name == "values" && report.values && report.values->most_keys > 0;
    out.push_back({"        the pool \"" + safe_text(pool.name) + "\" was full " +
                       readable_number(pool.refused, columns) + (pool.refused == 1 ? " time" : " times") +
                       "; it now " + (has_keys ? keys_text(*report.values, columns) + " and " : "") +
                       "uses " + readable_bytes(pool.used_bytes) + " of " + readable_bytes(pool.limit_bytes),
                   Emphasis::warning});
  }
  return out;
}

std::vector<TableLine> call_lines(const StatusReport& report, Columns columns) {
  if (!knows_of_calls(report)) return {};
  auto count = [&](uint64_t n, const char* what) { return readable_number(n, columns) + " " + what; };
  return {{"calls   " + count(report.calls_open, "open") + "  " + count(report.calls_waiting, "waiting") +
               "  " + count(report.calls_done, "done") + "  " + count(report.calls_failed, "failed"),
           Emphasis::none}};
}

std::vector<TableLine> values_lines(const StatusReport& report, Columns columns) {
  if (!report.values) return {};
  const ValuesReport& values = *report.values;
  bool failed = values.store == "failed";
  if (values.keys + values.watches + values.changes == 0 && !failed && values.fault.empty()) return {};
  auto count = [&](uint64_t n, const char* one, const char* many) {
    return readable_number(n, columns) + " " + (n == 1 ? one : many);
  };
  std::string text = "values  " + count(values.keys, "key", "keys") + "  " + readable_bytes(values.bytes) +
                     "  rev " + std::to_string(values.rev) + "  " + count(values.watches, "watch", "watches");
  if (values.held > 0) text += "  " + count(values.held, "held", "held");
  text += "  store " + safe_text(values.store);
  if (values.waiting > 0)
    text += "  " + count(values.waiting, "operation waits", "operations wait") + " for it";
  if (values.has_most_keys()) text += "  no room for more keys";
  bool is_alarm = failed || values.has_most_keys();
  std::vector<TableLine> out{{text, is_alarm ? Emphasis::warning : Emphasis::none}};
  if (!values.fault.empty()) out.push_back({"        " + safe_text(fault_of(values)), Emphasis::warning});
  return out;
}

std::vector<TableLine> uncleaned_lines(const StatusReport& report, Columns columns) {
  if (report.uncleaned == 0) return {};
  std::string were = report.uncleaned == 1 ? " was" : " were";
  return {{"scopes  " + readable_number(report.uncleaned, columns) + were + " left without a clean-up",
           Emphasis::warning}};
}

std::vector<TableLine> provider_lines(const StatusReport& report, Columns columns) {
  if (report.providers.empty()) return {};
  Grid grid({{"PROVIDER", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"SLOTS", Align::right},
             {"OPEN", Align::right},
             {"LATE", Align::right},
             {"TASKS", Align::left}});
  for (const ProviderReport& provider : report.providers) {
    std::string tasks = list_cell(provider.tasks);
    if (provider.more_tasks > 0) tasks += " and " + std::to_string(provider.more_tasks) + " more";
    grid.row({provider.source.empty() ? "-" : name_cell(provider.source, columns),
              pid_cell(provider.pid, provider.kernel_pid), program_cell(provider.program),
              readable_number(provider.slots, columns), readable_number(provider.open, columns),
              readable_number(provider.late, columns), tasks},
             provider.silent ? Emphasis::warning : Emphasis::none);
  }
  return grid.lines();
}

std::vector<TableLine> lock_lines(const StatusReport& report, Columns columns) {
  if (report.locks.empty()) return {};
  Grid grid({{"CLEAN-UP LOCK", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"HELD FOR", Align::right},
             {"WAITING", Align::right},
             {"TASK", Align::left}});
  for (const LockReport& lock : report.locks) {
    grid.row({name_cell(lock.scope, columns), std::to_string(lock.pid), program_cell(lock.program),
              readable_ms(lock.held_ms), readable_number(lock.waiting, columns),
              lock.task.empty() ? "-" : name_cell(lock.task, columns)});
  }
  return grid.lines();
}

std::vector<TableLine> unmatched_lines(const StatusReport& report, Columns columns) {
  if (report.unmatched_types.empty()) return {};
  Grid grid({{"UNMATCHED TYPE", Align::left}, {"EVENTS", Align::right}});
  for (const TypeCount& type : report.unmatched_types)
    grid.row({name_cell(type.type, columns), readable_number(type.count, columns)});
  return grid.lines();
}

std::vector<TableLine> status_table(const StatusReport& report, Columns columns) {
  std::vector<TableLine> lines{hub_line(report), event_line(report, columns)};
  append(lines, call_lines(report, columns));
  append(lines, values_lines(report, columns));
  append(lines, memory_lines(report, columns));
  append(lines, uncleaned_lines(report, columns));
  append_part(lines, source_lines(report, columns));
  append_part(lines, consumer_lines(report, columns));
  append_part(lines, task_lines(report, columns));
  append_part(lines, provider_lines(report, columns));
  append_part(lines, lock_lines(report, columns));
  append_part(lines, unmatched_lines(report, columns));
  if (report.truncated) {
    lines.push_back({"The lists are incomplete: the hub's answer did not fit one frame.", Emphasis::warning});
  }
  cut_lines(lines, columns);
  return lines;
}

}  // namespace bus::cli
