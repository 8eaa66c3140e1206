#include "consumer/cli/source_text.h"

#include <algorithm>
#include <ctime>

#include "consumer/cli/json_members.h"
#include "consumer/cli/readable.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// Of a line of the log among the details, of which nobody reads more; bus-source logs shows it whole.
constexpr size_t kMostColumns = 500;
// Columns of the table, in the order of what a narrow terminal does without.
constexpr size_t kRss = 5;
constexpr size_t kRestarts = 4;
constexpr size_t kPid = 2;
constexpr size_t kUp = 3;
constexpr size_t kPublished = 6;
constexpr size_t kWanted = 7;
constexpr size_t kLeastOfLast = 20;
constexpr size_t kLabel = 12;  // columns of what stands before the details

std::string shown(const Json& object, const char* name) { return safe_text(text_of(object, name)); }

// "exit status 3: no such device"; empty: it has not ended.
std::string exit_text(const Json& row) {
  const Json* exit = member(row, "exit");
  if (exit == nullptr || !exit->IsObject()) return {};
  std::string text = shown(*exit, "reason");
  if (text.empty()) text = "ended in order";
  std::string said = shown(*exit, "stderr");
  return said.empty() ? text : text + ": " + said;
}

std::string next_try_text(const Json& row) {
  auto next = number_if_any(row, "next_try_ms");
  return next ? "again in " + readable_ms(*next) : std::string();
}

// Why it has no connection to the hub; empty: it has one.
std::string unconnected_text(const Json& row) {
  const Json* unconnected = member(row, "unconnected");
  if (unconnected == nullptr || !unconnected->IsObject()) return {};
  return "none after " + counted(number_of(*unconnected, "tries"), "attempt") + ": " +
         shown(*unconnected, "reason");
}

std::string last_text(const Json& row) {
  if (std::string unconnected = unconnected_text(row); !unconnected.empty())
    return "connection to the hub: " + unconnected;
  std::string exit = exit_text(row);
  std::string why = shown(row, "why");
  // The end of a run that was stopped by name says nothing else.
  if (why == "stopped by name" && exit.starts_with("stopped")) return why + exit.substr(7);
  std::string next = next_try_text(row);
  std::string before = next.empty() ? why : next;
  if (before.empty()) return exit.empty() ? "-" : exit;
  return exit.empty() ? before : before + ": " + exit;
}

std::string wanted_text(const Json& row) {
  const Json* wanted = member(row, "wanted_by");
  if (wanted == nullptr || !wanted->IsObject()) return "-";
  std::string text = flag_of(*wanted, "events") ? "events" : "";
  uint64_t requests = number_of(*wanted, "requests");
  if (requests > 0) text += (text.empty() ? "" : ", ") + counted(requests, "request");
  return text.empty() ? "-" : text;
}

std::string pid_text(const Json& row) {
  int64_t pid = pid_of(row);
  return pid > 0 ? std::to_string(pid) : "-";
}

Emphasis emphasis_of(const Json& row) {
  std::string source_state = text_of(row, "state");
  if (source_state == "failed") return Emphasis::alarm;
  bool is_worrying = source_state == "backoff" || member(row, "unconnected") != nullptr;
  return is_worrying ? Emphasis::warning : Emphasis::none;
}

std::string joined_texts(const Json& row, const char* name, const char* between) {
  const Json* texts = member(row, name);
  std::string all;
  if (texts == nullptr || !texts->IsArray()) return all;
  for (const Json& each : texts->GetArray()) {
    if (!each.IsString()) continue;
    all += (all.empty() ? "" : between) + safe_text(std::string(each.GetString(), each.GetStringLength()));
  }
  return all;
}

// " (not in force: REASON)", of one that the last run was started without.
std::string lack_text(const Json& row, const std::string& limit) {
  const Json* complaints = member(row, "complaints");
  if (complaints == nullptr || !complaints->IsArray()) return {};
  const std::string begin = limit + " is ";
  for (const Json& each : complaints->GetArray()) {
    if (!each.IsString()) continue;
    std::string text = safe_text(std::string(each.GetString(), each.GetStringLength()));
    if (text.starts_with(begin)) return " (" + text.substr(begin.size()) + ")";
    if (limit != "nice" && text.starts_with("it runs in no cgroup")) return " (" + text + ")";
  }
  return {};
}

std::string limits_text(const Json& row) {
  const Json* limits = member(row, "limits");
  if (limits == nullptr || !limits->IsObject()) return {};
  std::string text = "linger " + readable_ms(number_of(*limits, "linger_ms")) + ", stop-timeout " +
                     readable_ms(number_of(*limits, "stop_timeout_ms")) + ", log-bytes " +
                     readable_bytes(number_of(*limits, "log_bytes"));
  auto put = [&](const std::string& limit, const std::string& value) {
    text.append(", ").append(limit).append(" ").append(value).append(lack_text(row, limit));
  };
  if (auto bytes = number_if_any(*limits, "memory_max")) put("memory-max", readable_bytes(*bytes));
  if (auto weight = number_if_any(*limits, "cpu_weight")) put("cpu-weight", std::to_string(*weight));
  const Json* nice = member(*limits, "nice");
  if (nice != nullptr && nice->IsInt()) put("nice", std::to_string(nice->GetInt()));
  return text;
}

std::string log_text(const Json& line, uint64_t now_ms) {
  return time_text(number_of(line, "time_ms"), now_ms) + " " + std::to_string(number_of(line, "run")) + " " +
         shown(line, "stream") + "| " + shown(line, "line");
}

std::string state_text(const Json& row) {
  std::string text = shown(row, "state");
  if (pid_of(row) > 0) text += ", pid " + pid_text(row);
  std::string next = next_try_text(row);
  if (!next.empty()) text += ", " + next;
  std::string why = shown(row, "why");
  if (!why.empty()) text += ", " + why;
  return text;
}

// "2, up 3s, restarts 0"; it is up while it runs.
std::string run_text(const Json& row) {
  std::string its_state = text_of(row, "state");
  bool is_up = its_state == "running" || its_state == "stopping";
  return std::to_string(number_of(row, "run")) +
         (is_up ? ", up " + readable_ms(number_of(row, "up_ms")) : std::string()) + ", restarts " +
         std::to_string(number_of(row, "restarts"));
}

std::string start_text(const Json& row) {
  std::string wish = shown(row, "wish");
  std::string start = shown(row, "start");
  bool is_by_name = wish == "up" && start != "always";
  return start + (is_by_name ? ", runs until it is stopped by name" : "") + ", restart " +
         shown(row, "restart");
}

// Those that are not the defaults, but what has a line of its own.
std::string settings_text(const Json& row) {
  std::string text;
  auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) text += (text.empty() ? "" : ", ") + std::string(key) + " " + value;
  };
  if (auto every = number_if_any(row, "every_ms")) put("every", readable_ms(*every));
  for (const char* key : {"format", "event_type", "connection", "stdin", "directory"})
    put(key, shown(row, key));
  put("log-file", shown(row, "log_file"));
  return text;
}

std::string published_text(const Json& row, std::optional<size_t> columns) {
  auto published = number_if_any(row, "published");
  return published ? readable_number(*published, columns) : "-";
}

}  // namespace

std::optional<std::vector<TableLine>> source_table(const std::string& list, std::optional<size_t> columns,
                                                   const char* heading) {
  rapidjson::Document document;
  if (!read_object(list, document) || member(document, "sources") == nullptr) return std::nullopt;
  Grid grid({{heading, Align::left},
             {"STATE", Align::left},
             {"PID", Align::right},
             {"UP", Align::right},
             {"RESTARTS", Align::right},
             {"RSS", Align::right},
             {"PUBLISHED", Align::right},
             {"WANTED", Align::left},
             {"LAST", Align::left}});
  size_t most_of_name = std::clamp<size_t>(columns.value_or(0) * 3 / 10, 12, 24);
  for_each_in(document, "sources", [&](const Json& row) {
    uint64_t up_ms = number_of(row, "up_ms");
    auto rss = number_if_any(row, "rss_bytes");
    grid.row({columns ? cut_to_columns(shown(row, "name"), most_of_name) : shown(row, "name"),
              shown(row, "state"), pid_text(row), up_ms > 0 ? readable_ms(up_ms) : "-",
              readable_number(number_of(row, "restarts"), columns), rss ? readable_bytes(*rss) : "-",
              published_text(row, columns), wanted_text(row), last_text(row)},
             emphasis_of(row));
  });
  return grid.lines_within(columns, {kRss, kRestarts, kPid, kUp, kPublished, kWanted}, kLeastOfLast);
}

std::vector<std::string> source_faults(const std::string& result) {
  std::vector<std::string> texts;
  rapidjson::Document document;
  if (!read_object(result, document)) return texts;
  for_each_in(document, "faults", [&](const Json& fault) {
    uint64_t line = number_of(fault, "line");
    texts.push_back(shown(fault, "file") + (line == 0 ? "" : ":" + std::to_string(line)) + ": " +
                    shown(fault, "message"));
  });
  return texts;
}

std::optional<std::vector<TableLine>> source_details(const std::string& status, std::optional<size_t> columns,
                                                     uint64_t now_ms) {
  rapidjson::Document row;
  if (!read_object(status, row) || member(row, "name") == nullptr) return std::nullopt;
  std::vector<TableLine> lines;
  auto put = [&](const char* name, const std::string& text, Emphasis emphasis = Emphasis::none) {
    if (text.empty()) return;
    std::string label = name;
    for (const std::string& line :
         columns ? wrapped(text, *columns - std::min(*columns, kLabel)) : std::vector<std::string>{text}) {
      label.resize(std::max(label.size(), kLabel), ' ');
      lines.push_back({label + line, emphasis});
      label.clear();
    }
  };
  put("name", shown(row, "name"));
  put("state", state_text(row), emphasis_of(row));
  put("connection", unconnected_text(row), Emphasis::warning);
  put("wanted by", wanted_text(row));
  put("run", run_text(row));
  put("last exit", exit_text(row));
  if (auto rss = number_if_any(row, "rss_bytes"))
    put("uses",
        readable_bytes(*rss) + " of memory, " + readable_ms(number_of(row, "cpu_ms")) + " of processor time");
  put("lines", "published " + published_text(row, std::nullopt) + ", refused " +
                   std::to_string(number_of(row, "refused")) + ", skipped " +
                   std::to_string(number_of(row, "skipped")) + ", log " +
                   std::to_string(number_of(row, "log_lines")));
  put("types", joined_texts(row, "types", ", "));
  put("tasks", joined_texts(row, "tasks", ", "));
  put("file", shown(row, "file"));
  put("command", joined_texts(row, "command", " "));
  put("start", start_text(row));
  put("settings", settings_text(row));
  put("limits", limits_text(row));
  put("environment", joined_texts(row, "environment", ", "));
  for_each_in(row, "log",
              [&](const Json& line) { put("log", cut_to_columns(log_text(line, now_ms), kMostColumns)); });
  return lines;
}

std::string change_line(const std::string& payload) {
  rapidjson::Document event;
  if (!read_object(payload, event)) return {};
  std::string line = shown(event, "source") + " " + shown(event, "state") +
                     " run=" + std::to_string(number_of(event, "run"));
  if (pid_of(event) > 0) line += " pid=" + pid_text(event);
  if (auto next = number_if_any(event, "next_try_ms")) line += " next_try_ms=" + std::to_string(*next);
  // Of a run that goes on, the end of the one before is old news.
  std::string its_state = text_of(event, "state");
  bool tells_end = its_state != "starting" && its_state != "running";
  std::string exit = tells_end ? exit_text(event) : std::string();
  std::string gone = shown(event, "gone");
  if (!gone.empty()) line += ": " + gone;
  return exit.empty() ? line : line + ": " + exit;
}

std::string log_text(const std::string& line, uint64_t now_ms) {
  rapidjson::Document read;
  return read_object(line, read) ? log_text(static_cast<const Json&>(read), now_ms) : std::string();
}

std::string command_text(std::string_view name, const std::string& result) {
  rapidjson::Document read;
  if (!read_object(result, read)) return {};
  return safe_text(name) + " is " + state_text(read);
}

std::string time_text(uint64_t time_ms, uint64_t now_ms) {
  auto seconds_since = static_cast<time_t>(time_ms / 1000);
  auto seconds_now = static_cast<time_t>(now_ms / 1000);
  tm parts{};
  tm today{};
  char text[48];
  if (localtime_r(&seconds_since, &parts) == nullptr || localtime_r(&seconds_now, &today) == nullptr)
    return "-";
  bool is_today = parts.tm_year == today.tm_year && parts.tm_yday == today.tm_yday;
  size_t length = strftime(text, sizeof text, is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &parts);
  std::string fraction = std::to_string(1000 + time_ms % 1000);
  fraction[0] = '.';
  return std::string(text, length) + fraction;
}

}  // namespace bus::cli
