#include "consumer/cli/status_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

enum class Align { left, right };

// Rows of cells, aligned by column; a row may be marked as a warning.
class Grid {
 public:
  explicit Grid(std::vector<std::pair<std::string, Align>> columns) : columns_(std::move(columns)) {}

  void row(std::vector<std::string> cells, bool warning = false) {
    rows_.push_back({std::move(cells), warning});
  }
  bool empty() const { return rows_.empty(); }

  void render(std::vector<TableLine>& out) const {
    std::vector<size_t> widths;
    std::vector<std::string> heading;
    for (const auto& column : columns_) {
      widths.push_back(columns_of(column.first));
      heading.push_back(column.first);
    }
    for (const Row& row : rows_) {
      for (size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], columns_of(row.cells[i]));
    }
    out.push_back({line_of(heading, widths), Emphasis::heading});
    for (const Row& row : rows_) {
      out.push_back({line_of(row.cells, widths), row.warning ? Emphasis::warning : Emphasis::none});
    }
  }

 private:
  struct Row {
    std::vector<std::string> cells;
    bool warning;
  };

  std::string line_of(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      std::string space(widths[i] - columns_of(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].second == Align::right ? space + cells[i] : cells[i] + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  }

  std::vector<std::pair<std::string, Align>> columns_;
  std::vector<Row> rows_;
};

// A name in a cell: never so long that it pushes the numbers off the screen.
std::string name_cell(std::string_view name, std::optional<size_t> columns) {
  std::string safe = safe_text(name);
  return columns ? cut_to_columns(safe, std::max<size_t>(*columns / 4, 12)) : safe;
}

std::string pid_cell(const ConsumerReport& consumer) {
  std::string pid = std::to_string(consumer.pid);
  return consumer.kernel_pid == 0 ? pid : pid + " (" + std::to_string(consumer.kernel_pid) + ")";
}

std::string types_cell(const ConsumerReport& consumer) {
  std::string list;
  for (const std::string& type : consumer.event_types) list += (list.empty() ? "" : " ") + safe_text(type);
  return list.empty() ? "(none)" : list;
}

std::string readable_ms(uint64_t ms) {
  if (ms >= 60'000) return readable_seconds(ms / 1000);
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(ms) / 1000.0);
  return text;
}

void add_hub(const StatusReport& report, std::vector<TableLine>& out) {
  out.push_back({"hub     pid " + std::to_string(report.pid) + "  version " + safe_text(report.version) +
                     "  up " + readable_seconds(report.uptime_sec) + "  " + safe_text(report.socket),
                 Emphasis::heading});
  std::string events = "events  " + grouped(report.published) + " published  " + grouped(report.delivered) +
                       " delivered  " + grouped(report.dropped) + " dropped  " + grouped(report.duplicates) +
                       " duplicates  " + grouped(report.unmatched) + " unmatched  " +
                       grouped(report.refused) + " refused";
  out.push_back({events, Emphasis::none});
}

// What the hub takes, and where it had no room.
void add_memory(const StatusReport& report, std::vector<TableLine>& out) {
  if (report.memory_limit_bytes == 0) return;  // an older hub
  char longest[32];
  std::snprintf(longest, sizeof longest, "%.1f ms", static_cast<double>(report.longest_callback_us) / 1000.0);
  out.push_back({"memory  " + readable_bytes(report.memory_bytes) + " of " +
                     readable_bytes(report.memory_limit_bytes) + "  busy at most " + longest + " at a time",
                 Emphasis::none});
  for (const PoolReport& pool : report.pools) {
    if (pool.refused == 0) continue;
    out.push_back({"        " + safe_text(pool.name) + " had no room " + grouped(pool.refused) +
                       (pool.refused == 1 ? " time" : " times") + ": " + readable_bytes(pool.used_bytes) +
                       " of " + readable_bytes(pool.limit_bytes) + " taken",
                   Emphasis::warning});
  }
}

void add_sources(const StatusReport& report, std::optional<size_t> columns, std::vector<TableLine>& out) {
  if (report.sources.empty()) {
    out.push_back({"no sources", Emphasis::none});
    return;
  }
  Grid grid({{"SOURCE", Align::left},
             {"STATE", Align::left},
             {"PID", Align::right},
             {"PUBLISHED", Align::right},
             {"LAST EVENT", Align::right}});
  for (const SourceReport& source : report.sources) {
    std::string last = source.last_event_ms_ago ? readable_ms(*source.last_event_ms_ago) + " ago" : "-";
    grid.row({source.name.empty() ? "(anonymous)" : name_cell(source.name, columns), safe_text(source.state),
              std::to_string(source.pid), grouped(source.published), last},
             source.state != "connected");
  }
  grid.render(out);
}

void add_consumers(const StatusReport& report, std::optional<size_t> columns, std::vector<TableLine>& out) {
  if (report.consumers.empty()) {
    out.push_back({"no consumers", Emphasis::none});
    return;
  }
  Grid grid({{"CONSUMER KEY", Align::left},
             {"PID", Align::right},
             {"RECEIVED", Align::right},
             {"DROPPED", Align::right},
             {"LAG", Align::right},
             {"QUEUE", Align::right},
             {"UP", Align::right},
             {"TYPES", Align::left}});
  for (const ConsumerReport& consumer : report.consumers) {
    std::string key = consumer.key;
    if (!consumer.subscription_id.empty()) key += " [" + consumer.subscription_id + "]";
    grid.row({name_cell(key, columns), pid_cell(consumer), grouped(consumer.received),
              grouped(consumer.dropped), grouped(consumer.queued), readable_bytes(consumer.queued_bytes),
              readable_seconds(consumer.connected_sec), types_cell(consumer)},
             consumer.dropped > 0);
  }
  grid.render(out);
}

void add_locks(const StatusReport& report, std::optional<size_t> columns, std::vector<TableLine>& out) {
  if (report.locks.empty()) return;
  Grid grid({{"CLEANING UP", Align::left},
             {"PID", Align::right},
             {"SINCE", Align::right},
             {"WAITING", Align::right}});
  for (const LockReport& lock : report.locks) {
    grid.row({name_cell(lock.scope, columns), std::to_string(lock.pid), readable_ms(lock.held_ms),
              grouped(lock.waiting)});
  }
  out.push_back({});
  grid.render(out);
}

void add_unmatched(const StatusReport& report, std::optional<size_t> columns, std::vector<TableLine>& out) {
  if (report.unmatched_types.empty()) return;
  Grid grid({{"NOBODY TAKES", Align::left}, {"EVENTS", Align::right}});
  for (const TypeCount& type : report.unmatched_types)
    grid.row({name_cell(type.type, columns), grouped(type.count)});
  out.push_back({});
  grid.render(out);
}

void cut(std::vector<TableLine>& lines, std::optional<size_t> columns) {
  if (!columns) return;
  for (TableLine& line : lines) line.text = cut_to_columns(line.text, *columns);
}

}  // namespace

std::vector<TableLine> status_table(const StatusReport& report, std::optional<size_t> columns) {
  std::vector<TableLine> lines;
  add_hub(report, lines);
  add_memory(report, lines);
  lines.push_back({});
  add_sources(report, columns, lines);
  lines.push_back({});
  add_consumers(report, columns, lines);
  add_locks(report, columns, lines);
  add_unmatched(report, columns, lines);
  if (report.truncated) lines.push_back({"(more than fits one frame: the lists are cut)", Emphasis::warning});
  cut(lines, columns);
  return lines;
}

std::vector<TableLine> explanation_table(const StatusReport& report, const std::string& type,
                                         std::optional<size_t> columns, size_t& takers) {
  Grid grid({{"GETS IT", Align::left}, {"KEY", Align::left}, {"PID", Align::right}, {"WHY", Align::left}});
  takers = 0;
  for (bool wanted : {true, false}) {
    for (const ConsumerReport& consumer : report.consumers) {
      Verdict verdict = judge(consumer, type);
      if (verdict.gets_it != wanted) continue;
      if (wanted) ++takers;
      grid.row({wanted ? "yes" : "no", name_cell(consumer.key, columns), pid_cell(consumer),
                safe_text(verdict.reason)});
    }
  }
  std::vector<TableLine> lines;
  size_t all = report.consumers.size();
  lines.push_back({"\"" + safe_text(type) + "\" would reach " + std::to_string(takers) + " of " +
                       std::to_string(all) + (all == 1 ? " consumer" : " consumers"),
                   Emphasis::heading});
  if (!grid.empty()) grid.render(lines);
  for (const std::string& hint : unmatched_hints(report, type))
    lines.push_back({safe_text(hint), Emphasis::none});
  if (report.truncated) lines.push_back({"(the hub's answer was cut: there may be more)", Emphasis::warning});
  cut(lines, columns);
  return lines;
}

std::string joined(const std::vector<TableLine>& lines, bool colour, const char* line_end) {
  std::string out;
  for (const TableLine& line : lines) {
    bool painted = colour && line.emphasis != Emphasis::none;
    if (painted) out += line.emphasis == Emphasis::heading ? "\x1b[1m" : "\x1b[33m";
    out += line.text;
    if (painted) out += "\x1b[0m";
    out += line_end;
  }
  return out;
}

std::string readable_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024.0;
  size_t unit = 0;
  // 1023.95 would be printed as 1024.0
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string readable_seconds(uint64_t seconds) {
  char text[48];
  auto n = static_cast<unsigned long long>(seconds);
  if (n < 60) {
    std::snprintf(text, sizeof text, "%llus", n);
  } else if (n < 3600) {
    std::snprintf(text, sizeof text, "%llum %02llus", n / 60, n % 60);
  } else if (n < 86'400) {
    std::snprintf(text, sizeof text, "%lluh %02llum", n / 3600, n % 3600 / 60);
  } else {
    std::snprintf(text, sizeof text, "%llud %02lluh", n / 86'400, n % 86'400 / 3600);
  }
  return text;
}

}  // namespace bus::cli
