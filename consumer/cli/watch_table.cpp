#include "consumer/cli/watch_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <utility>

#include "consumer/cli/fit_rows.h"
#include "consumer/cli/readable.h"
#include "consumer/cli/status_cells.h"
#include "consumer/cli/status_table.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

using Columns = std::optional<size_t>;

constexpr const char* kUnknown = "-";
constexpr size_t kMostBars = 60;
constexpr size_t kLeastBars = 10;
// What stands beside the bars.
constexpr size_t kBesideBars = 40;
// Below so many columns, pids and names of programs give way to the rates; below so many rows, the memory
// gives way to the tables.
constexpr size_t kNarrow = 60;
constexpr size_t kLow = 16;

std::string rate_text(double rate, Columns columns) {
  if (rate >= 9.95 || rate == 0) return readable_number(static_cast<uint64_t>(std::llround(rate)), columns);
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::max(rate, 0.1));
  return text;
}

std::string bytes_text(const std::optional<double>& rate) {
  return rate ? readable_bytes(static_cast<uint64_t>(std::llround(*rate))) : kUnknown;
}

TableLine flow_line(const char* name, double events, const std::optional<double>& bytes, Columns columns) {
  std::string text = name + rate_text(events, columns) + " events/s";
  if (bytes) text += "  " + bytes_text(bytes) + "/s";
  return {text, Emphasis::none};
}

TableLine calls_line(const WatchPicture& picture, Columns columns) {
  const StatusReport& report = picture.report;
  std::string rate =
      picture.rates && picture.rates->calls ? rate_text(*picture.rates->calls, columns) : kUnknown;
  return {"calls   " + rate + " calls/s  " + readable_number(report.calls_open, columns) + " open  " +
              readable_number(report.calls_waiting, columns) + " waiting",
          Emphasis::none};
}

// Of the i-th consumer; nullptr when they are not known.
const ConsumerRates* consumer_rates(const WatchPicture& picture, size_t i) {
  if (!picture.rates || !picture.rates->consumers[i]) return nullptr;
  return &*picture.rates->consumers[i];
}

std::string source_rate_cell(const WatchPicture& picture, size_t i, Columns columns) {
  if (!picture.rates || !picture.rates->sources[i]) return kUnknown;
  return rate_text(*picture.rates->sources[i], columns);
}

std::string consumers_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " consumer" : " consumers");
}

// Who loses events now, apart from who lost some earlier.
TableLine loss_line(const WatchPicture& picture, Columns columns) {
  size_t now = 0;
  size_t earlier = 0;
  const StatusReport& report = picture.report;
  for (size_t i = 0; i < report.consumers.size(); ++i) {
    Loss loss = loss_of(report.consumers[i], consumer_rates(picture, i));
    if (loss == Loss::now) ++now;
    if (loss == Loss::earlier) ++earlier;
  }
  double dropped = picture.rates ? picture.rates->dropped : 0;
  std::string text = "loss    ";
  if (dropped > 0 || now > 0) {
    text += consumers_text(now) + (now == 1 ? " loses " : " lose ") + rate_text(dropped, columns) +
            " events/s now";
  } else {
    text += picture.rates ? "none now" : "not known yet";
  }
  if (earlier > 0) text += "; " + consumers_text(earlier) + " lost events earlier";
  Emphasis emphasis = dropped > 0 || now > 0 ? Emphasis::alarm
                      : earlier > 0          ? Emphasis::warning
                                             : Emphasis::none;
  return {text, emphasis};
}

TableLine minute_line(const WatchPicture& picture, const Viewport& viewport) {
  size_t columns = viewport.columns.value_or(80);
  size_t bars = columns > kBesideBars + kLeastBars ? std::min(columns - kBesideBars, kMostBars) : kLeastBars;
  auto values = picture.published.rates(picture.now, bars);
  double most = 0;
  for (const auto& value : values) most = std::max(most, value.value_or(0));
  return {"minute  " + sparkline(values, viewport.utf8) + "  at most " + rate_text(most, viewport.columns) +
              " events/s",
          Emphasis::none};
}

std::vector<TableLine> head_lines(const WatchPicture& picture, const Viewport& viewport) {
  std::vector<TableLine> lines{hub_line(picture.report)};
  if (!picture.notice.empty()) lines.push_back({"notice  " + safe_text(picture.notice), Emphasis::warning});
  if (const auto& rates = picture.rates; rates) {
    lines.push_back(flow_line("in      ", rates->published, rates->published_bytes, viewport.columns));
    lines.push_back(flow_line("out     ", rates->delivered, rates->delivered_bytes, viewport.columns));
  } else {
    lines.push_back({"in      -", Emphasis::none});
    lines.push_back({"out     -", Emphasis::none});
  }
  if (knows_of_calls(picture.report)) lines.push_back(calls_line(picture, viewport.columns));
  auto values = values_lines(picture.report, viewport.columns);
  std::move(values.begin(), values.end(), std::back_inserter(lines));
  lines.push_back(loss_line(picture, viewport.columns));
  auto uncleaned = uncleaned_lines(picture.report, viewport.columns);
  std::move(uncleaned.begin(), uncleaned.end(), std::back_inserter(lines));
  lines.push_back(minute_line(picture, viewport));
  if (viewport.rows && *viewport.rows < kLow) return lines;
  auto memory = memory_lines(picture.report, viewport.columns);
  std::move(memory.begin(), memory.end(), std::back_inserter(lines));
  return lines;
}

// Whether `a` comes before `b`, where both are places in the list of consumers. Equal ones stay in their
// order.
bool comes_before(const WatchPicture& picture, size_t a, size_t b) {
  const ConsumerReport& left = picture.report.consumers[a];
  const ConsumerReport& right = picture.report.consumers[b];
  auto rates = [&](size_t i) {
    const ConsumerRates* known = consumer_rates(picture, i);
    return known != nullptr ? *known : ConsumerRates{};
  };
  switch (picture.order) {
    case SortOrder::slowest:
      if (rates(a).drops != rates(b).drops) return rates(a).drops > rates(b).drops;
      if (left.queued != right.queued) return left.queued > right.queued;
      return left.dropped > right.dropped;
    case SortOrder::busiest:
      return rates(a).events > rates(b).events;
    case SortOrder::most_lost:
      return left.dropped > right.dropped;
    case SortOrder::key:
      break;
  }
  return left.key < right.key;
}

std::string loss_cell(Loss loss) {
  return loss == Loss::now ? "now" : loss == Loss::earlier ? "earlier" : kUnknown;
}

std::vector<TableLine> consumer_section(const WatchPicture& picture, Columns columns) {
  const auto& consumers = picture.report.consumers;
  if (consumers.empty()) return {{"no consumers", Emphasis::none}};
  std::vector<size_t> places(consumers.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::stable_sort(places.begin(), places.end(),
                   [&](size_t a, size_t b) { return comes_before(picture, a, b); });
  bool narrow = columns && *columns < kNarrow;
  std::vector<std::pair<std::string, Align>> headings{{"LOSS", Align::left},     {"EVENTS/S", Align::right},
                                                      {"BYTES/S", Align::right}, {"LAG", Align::right},
                                                      {"DROPS/S", Align::right}, {"DROPPED", Align::right},
                                                      {"QUEUE", Align::right},   {"TYPES", Align::left}};
  std::vector<std::pair<std::string, Align>> process{{"PID", Align::right}, {"PROGRAM", Align::left}};
  headings.insert(narrow ? headings.end() : headings.begin(), process.begin(), process.end());
  headings.insert(headings.begin(), {"CONSUMER KEY", Align::left});
  Grid grid(std::move(headings));
  for (size_t i : places) {
    const ConsumerReport& consumer = consumers[i];
    const ConsumerRates* rates = consumer_rates(picture, i);
    Loss loss = loss_of(consumer, rates);
    std::vector<std::string> cells{loss_cell(loss),
                                   rates != nullptr ? rate_text(rates->events, columns) : kUnknown,
                                   rates != nullptr ? bytes_text(rates->bytes) : kUnknown,
                                   readable_number(consumer.queued, columns),
                                   rates != nullptr ? rate_text(rates->drops, columns) : kUnknown,
                                   readable_number(consumer.dropped, columns),
                                   readable_bytes(consumer.queued_bytes),
                                   types_cell(consumer)};
    std::vector<std::string> names{pid_cell(consumer.pid, consumer.kernel_pid),
                                   program_cell(consumer.program)};
    cells.insert(narrow ? cells.end() : cells.begin(), names.begin(), names.end());
    cells.insert(cells.begin(), key_cell(consumer, columns));
    grid.row(std::move(cells), loss == Loss::now       ? Emphasis::alarm
                               : loss == Loss::earlier ? Emphasis::warning
                                                       : Emphasis::none);
  }
  return grid.lines();
}

std::vector<TableLine> source_section(const WatchPicture& picture, Columns columns) {
  const auto& sources = picture.report.sources;
  if (sources.empty()) return {{"no sources", Emphasis::none}};
  Grid grid({{"SOURCE", Align::left},
             {"PID", Align::right},
             {"PROGRAM", Align::left},
             {"STATE", Align::left},
             {"EVENTS/S", Align::right},
             {"PUBLISHED", Align::right},
             {"LAST EVENT", Align::right}});
  for (size_t i = 0; i < sources.size(); ++i) {
    const SourceReport& source = sources[i];
    grid.row({source_cell(source, columns), pid_cell(source.pid, source.kernel_pid),
              program_cell(source.program), safe_text(source.state), source_rate_cell(picture, i, columns),
              readable_number(source.published, columns), last_event_cell(source)},
             source.state == "connected" ? Emphasis::none : Emphasis::warning);
  }
  return grid.lines();
}

std::vector<TableLine> task_section(const WatchPicture& picture, Columns columns) {
  const auto& tasks = picture.report.tasks;
  if (tasks.empty()) return {};
  Grid grid({{"TASK", Align::left},
             {"CALLS/S", Align::right},
             {"OPEN", Align::right},
             {"WAITING", Align::right},
             {"FREE", Align::right},
             {"P50", Align::right},
             {"P99", Align::right}});
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskReport& task = tasks[i];
    bool known = picture.rates && picture.rates->tasks[i];
    grid.row({name_cell(task.task, columns), known ? rate_text(*picture.rates->tasks[i], columns) : kUnknown,
              readable_number(task.open, columns), readable_number(task.waiting, columns),
              readable_number(task.free, columns), latency_cell(task.p50_us), latency_cell(task.p99_us)},
             task.full ? Emphasis::alarm : Emphasis::none);
  }
  return grid.lines();
}

}  // namespace

SortOrder next_order(SortOrder order) {
  switch (order) {
    case SortOrder::slowest:
      return SortOrder::busiest;
    case SortOrder::busiest:
      return SortOrder::most_lost;
    case SortOrder::most_lost:
      return SortOrder::key;
    case SortOrder::key:
      break;
  }
  return SortOrder::slowest;
}

const char* name_of(SortOrder order) {
  switch (order) {
    case SortOrder::slowest:
      return "slowest first";
    case SortOrder::busiest:
      return "busiest first";
    case SortOrder::most_lost:
      return "most drops first";
    case SortOrder::key:
      break;
  }
  return "by key";
}

std::vector<TableLine> watch_table(const WatchPicture& picture, const Viewport& viewport) {
  std::vector<TableLine> lines = head_lines(picture, viewport);
  if (picture.report.truncated) {
    lines.push_back({"The lists are incomplete: the hub's answer did not fit one frame.", Emphasis::warning});
  }
  lines = fit_rows(std::move(lines),
                   {consumer_section(picture, viewport.columns), source_section(picture, viewport.columns),
                    task_section(picture, viewport.columns), lock_lines(picture.report, viewport.columns),
                    unmatched_lines(picture.report, viewport.columns)},
                   viewport.rows.value_or(SIZE_MAX), viewport.utf8 ? "…" : "...");
  cut_lines(lines, viewport.columns);
  return lines;
}

}  // namespace bus::cli
