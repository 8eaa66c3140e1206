// What the hub's task `bus.explain` says of an event type or a task, and its lines for people. Pure, but for the names of
// programs; text of other programs comes out safe for a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/grid.h"
#include "consumer/cli/status_report.h"

namespace bus::cli {

// The args of `bus.explain`: {"MEMBER":"NAME"}.
std::string explain_args(std::string_view member, std::string_view name);

struct EventExplanation {
  struct Consumer {
    bool gets = false;
    std::string key;
    int64_t pid = 0;
    int64_t kernel_pid = 0;
    std::string why;
    std::string program;
  };
  std::string type;
  uint64_t reached = 0;
  uint64_t connected = 0;
  std::vector<Consumer> consumers;
  uint64_t left_out = 0;
  std::vector<TypeCount> unmatched;
};

struct TaskExplanation {
  struct Provider {
    bool chosen = false;
    int64_t pid = 0;
    std::string source;
    std::string provides;
    uint64_t open = 0;
    uint64_t slots = 0;
    std::string why;
    std::string program;
  };
  std::string task;
  std::string outcome;
  std::string message;
  uint64_t waiting = 0;
  bool full = false;  // no more calls of some user may wait
  std::vector<Provider> providers;
  uint64_t left_out = 0;

  bool has_provider() const { return outcome != "no_provider"; }
};

// Nothing when `text` is no result of bus.explain.
std::optional<EventExplanation> parse_event_explanation(std::string_view text);
std::optional<TaskExplanation> parse_task_explanation(std::string_view text);

// A line that sums up, and a table. `columns` is as in status_table.h.
std::vector<TableLine> explanation_table(const EventExplanation& explanation, std::optional<size_t> columns);
std::vector<TableLine> explanation_table(const TaskExplanation& explanation, std::optional<size_t> columns);

}  // namespace bus::cli
