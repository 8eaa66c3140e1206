#include "consumer/cli/status_cells.h"

#include <algorithm>

#include "consumer/cli/readable.h"
#include "consumer/cli/text.h"

namespace bus::cli {

std::string name_cell(std::string_view name, std::optional<size_t> columns) {
  std::string safe = safe_text(name);
  return columns ? cut_to_columns(safe, std::max<size_t>(*columns / 4, 12)) : safe;
}

std::string key_cell(const ConsumerReport& consumer, std::optional<size_t> columns) {
  if (consumer.subscription_id.empty()) return name_cell(consumer.key, columns);
  return name_cell(consumer.key + " [" + consumer.subscription_id + "]", columns);
}

std::string pid_cell(const ConsumerReport& consumer) {
  std::string pid = std::to_string(consumer.pid);
  return consumer.kernel_pid == 0 ? pid : pid + " (" + std::to_string(consumer.kernel_pid) + ")";
}

std::string program_cell(std::string_view program) { return program.empty() ? "-" : safe_text(program); }

std::string types_cell(const ConsumerReport& consumer) {
  std::string list;
  for (const std::string& type : consumer.event_types) list += (list.empty() ? "" : " ") + safe_text(type);
  return list.empty() ? "(none)" : list;
}

std::string source_cell(const SourceReport& source, std::optional<size_t> columns) {
  return source.name.empty() ? "(anonymous)" : name_cell(source.name, columns);
}

std::string last_event_cell(const SourceReport& source) {
  return source.last_event_ms_ago ? readable_ms(*source.last_event_ms_ago) + " ago" : "-";
}

}  // namespace bus::cli
