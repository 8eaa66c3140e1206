#include "consumer/cli/status_cells.h"

#include <algorithm>
#include <cstdio>

#include "consumer/cli/readable.h"
#include "consumer/cli/text.h"

namespace bus::cli {

std::string name_cell(std::string_view name, std::optional<size_t> columns) {
  std::string safe = safe_text(name);
  return columns ? cut_to_columns(safe, std::max<size_t>(*columns / 4, 12)) : safe;
}

std::string key_cell(const ConsumerReport& consumer, std::optional<size_t> columns) {
  std::string cell = consumer.subscription_id.empty()
                         ? name_cell(consumer.key, columns)
                         : name_cell(consumer.key + " [" + consumer.subscription_id + "]", columns);
  return consumer.observer ? cell + " (observer)" : cell;
}

std::string pid_cell(int64_t pid, int64_t kernel_pid) {
  std::string cell = std::to_string(pid);
  return kernel_pid == 0 ? cell : cell + " (" + std::to_string(kernel_pid) + ")";
}

std::string program_cell(std::string_view program) { return program.empty() ? "-" : safe_text(program); }

std::string types_cell(const ConsumerReport& consumer) {
  std::string list = list_cell(consumer.event_types);
  return list.empty() ? "(none)" : list;
}

std::string list_cell(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : " ") + safe_text(name);
  return list;
}

std::string source_cell(const SourceReport& source, std::optional<size_t> columns) {
  return source.name.empty() ? "(anonymous)" : name_cell(source.name, columns);
}

std::string last_event_cell(const SourceReport& source) {
  return source.last_event_ms_ago ? readable_ms(*source.last_event_ms_ago) + " ago" : "-";
}

bool knows_of_calls(const StatusReport& report) {
  return report.calls_open + report.calls_done + report.calls_failed > 0 || !report.tasks.empty();
}

std::string latency_cell(uint64_t us) {
  if (us == 0) return "-";
  if (us < 1000) return std::to_string(us) + "us";
  if (us >= 1'000'000) return readable_ms(us / 1000);
  char text[32];
  std::snprintf(text, sizeof text, "%.1fms", static_cast<double>(us) / 1000.0);
  return text;
}

}  // namespace bus::cli
