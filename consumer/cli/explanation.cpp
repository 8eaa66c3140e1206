#include "consumer/cli/explanation.h"

#include <iterator>

#include "consumer/cli/json_members.h"
#include "consumer/cli/program_names.h"
#include "consumer/cli/status_cells.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

using Columns = std::optional<size_t>;

void add_lines(std::vector<TableLine>& out, std::vector<TableLine> lines) {
  std::move(lines.begin(), lines.end(), std::back_inserter(out));
}

void append_left_out(std::vector<TableLine>& lines, uint64_t left_out) {
  if (left_out == 0) return;
  lines.push_back(
      {"The list is incomplete: " + std::to_string(left_out) + " more did not fit the hub's answer.",
       Emphasis::warning});
}

std::string hint_of(const TypeCount& unmatched, std::string_view type) {
  std::string times = counted(unmatched.count, "event");
  if (unmatched.type == type) return times + " of this type matched no consumer so far";
  return times + " of type " + in_quotes(safe_text(unmatched.type)) +
         " matched no consumer so far; is that the type you meant?";
}

TableLine heading_of(const TaskExplanation& explanation) {
  std::string task = in_quotes(safe_text(explanation.task));
  if (explanation.outcome == "hub") return {"the hub itself serves " + task, Emphasis::heading};
  if (!explanation.has_provider())
    return {"a call of " + task + " would end with no_provider: " + safe_text(explanation.message),
            Emphasis::heading};
  std::string waiting = explanation.waiting == 0 ? ""
                                                 : "; " + counted(explanation.waiting, "call") +
                                                       (explanation.waiting == 1 ? " waits" : " wait");
  if (explanation.outcome == "given" && !explanation.providers.empty()) {
    return {"a call of " + task + " would go to pid " + std::to_string(explanation.providers.front().pid) +
                waiting,
            Emphasis::heading};
  }
  std::string busy = explanation.full ? ", or end with busy, as many calls of one user wait as may" : "";
  return {"a call of " + task + " would wait for a free slot" + busy + waiting, Emphasis::heading};
}

}  // namespace

std::string explain_args(std::string_view member, std::string_view name) {
  std::string args = "{\"";
  args += member;
  args += "\":";
  append_json_string(args, name);
  return args += '}';
}

std::optional<EventExplanation> parse_event_explanation(std::string_view text) {
  rapidjson::Document json;
  if (!read_object(text, json) || member(json, "consumers") == nullptr) return std::nullopt;
  EventExplanation explanation;
  explanation.type = text_of(json, "event_type");
  explanation.reached = number_of(json, "reached");
  explanation.connected = number_of(json, "connected");
  explanation.left_out = number_of(json, "left_out");
  for_each_in(json, "consumers", [&](const Json& item) {
    EventExplanation::Consumer one{flag_of(item, "gets"),      text_of(item, "event_key"), pid_of(item),
                                   pid_of(item, "kernel_pid"), text_of(item, "why"),       {}};
    one.program = program_name(one.kernel_pid != 0 ? one.kernel_pid : one.pid);
    explanation.consumers.push_back(std::move(one));
  });
  for_each_in(json, "unmatched", [&](const Json& item) {
    explanation.unmatched.push_back({text_of(item, "event_type"), number_of(item, "count")});
  });
  return explanation;
}

std::optional<TaskExplanation> parse_task_explanation(std::string_view text) {
  rapidjson::Document json;
  if (!read_object(text, json) || member(json, "outcome") == nullptr) return std::nullopt;
  TaskExplanation explanation;
  explanation.task = text_of(json, "task");
  explanation.outcome = text_of(json, "outcome");
  explanation.message = text_of(json, "message");
  explanation.waiting = number_of(json, "waiting");
  explanation.full = flag_of(json, "full");
  explanation.left_out = number_of(json, "left_out");
  for_each_in(json, "providers", [&](const Json& item) {
    TaskExplanation::Provider one{flag_of(item, "chosen"), pid_of(item),
                                  text_of(item, "source"), text_of(item, "provides"),
                                  number_of(item, "open"), number_of(item, "slots"),
                                  text_of(item, "why"),    {}};
    one.program = program_name(one.pid);
    explanation.providers.push_back(std::move(one));
  });
  return explanation;
}

std::vector<TableLine> explanation_table(const EventExplanation& explanation, Columns columns) {
  Grid grid({{"GETS IT", Align::left},
             {"KEY", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"WHY", Align::left}});
  for (const EventExplanation::Consumer& one : explanation.consumers) {
    grid.row({one.gets ? "yes" : "no", name_cell(one.key, columns), pid_cell(one.pid, one.kernel_pid),
              program_cell(one.program), safe_text(one.why)});
  }
  std::vector<TableLine> lines;
  lines.push_back({in_quotes(safe_text(explanation.type)) + " would reach " +
                       std::to_string(explanation.reached) + " of " +
                       counted(explanation.connected, "consumer"),
                   Emphasis::heading});
  if (!grid.empty()) add_lines(lines, grid.lines());
  for (const TypeCount& unmatched : explanation.unmatched)
    lines.push_back({hint_of(unmatched, explanation.type), Emphasis::none});
  append_left_out(lines, explanation.left_out);
  cut_lines(lines, columns);
  return lines;
}

std::vector<TableLine> explanation_table(const TaskExplanation& explanation, Columns columns) {
  Grid grid({{"GETS IT", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"SOURCE", Align::left},
             {"PROVIDES", Align::left},
             {"OPEN", Align::right},
             {"SLOTS", Align::right},
             {"WHY", Align::left}});
  for (const TaskExplanation::Provider& one : explanation.providers) {
    grid.row({one.chosen ? "yes" : "no", std::to_string(one.pid), program_cell(one.program),
              one.source.empty() ? "-" : name_cell(one.source, columns), name_cell(one.provides, columns),
              std::to_string(one.open), std::to_string(one.slots), safe_text(one.why)});
  }
  std::vector<TableLine> lines{heading_of(explanation)};
  if (!grid.empty()) add_lines(lines, grid.lines());
  append_left_out(lines, explanation.left_out);
  cut_lines(lines, columns);
  return lines;
}

}  // namespace bus::cli
