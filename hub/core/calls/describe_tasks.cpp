#include "hub/core/calls/describe_tasks.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string_view>
#include <vector>

#include "hub/core/base/status_writer.h"
#include "hub/core/calls/tracker.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

constexpr std::array<std::string_view, kCallEnds> kEndNames{
    "done", "failed", "timeout", "canceled", "provider_gone", "declined", "no_provider", "busy", "other"};

// Names of a provider's tasks in its row of status.
constexpr size_t kTasksShown = 16;

std::vector<const Task*> by_name(const Tracker& tracker) {
  std::vector<const Task*> tasks;
  tracker.exchange().tasks().for_each([&](const Task& task) { tasks.push_back(&task); });
  std::sort(tasks.begin(), tasks.end(), [](const Task* a, const Task* b) { return a->name < b->name; });
  return tasks;
}

void append_provider(std::string& out, const CallPeer* const& peer) {
  const Provider& provider = *peer->provider;
  GivenRequest::From who = origin_of(peer->peer);
  ObjectWriter writer(out);
  writer.number("pid", who.pid);
  writer.number("uid", who.uid);
  writer.text_if_any("source", who.source);
  writer.number("slots", provider.slots);
  writer.number("open", provider.given.size());
  if (provider.priority != 0) writer.number("priority", provider.priority);
  writer.number("late", provider.late);
  writer.flag_if_set("silent", peer->is_silent());
  writer.end();
}

TimePoint oldest_of(const Task& task) {
  TimePoint oldest = kNever;
  for (const CallPeer* peer : task.providers) {
    for (const Provider::Given& given : peer->provider->given) {
      if (given.call->task == &task) oldest = std::min(oldest, given.call->began);
    }
  }
  for (const Line* line : task.lines) {
    for (const auto& [uid, calls] : line->users) oldest = std::min(oldest, calls.front().began);
  }
  return oldest;
}

// In place of one that nobody has provided yet.
const Task& nobodys() {
  static const Task kTask;
  return kTask;
}

void append_ends(ObjectWriter& writer, const Task& task) {
  ObjectWriter ends(writer.member("ends"));
  for (size_t i = 0; i < kCallEnds; ++i) ends.number(kEndNames[i], task.ends[i]);
  ends.end();
  writer.number("p50_us", task.latency.percentile(50));
  writer.number("p99_us", task.latency.percentile(99));
}

void append_task(std::string& out, const Task& task, TimePoint now) {
  size_t waiting = 0;
  for (const Line* line : task.lines) waiting += line->size;
  ObjectWriter writer(out);
  writer.text("task", task.name);
  writer.list("providers", std::vector<const CallPeer*>(task.providers.begin(), task.providers.end()),
              append_provider);
  writer.number("open", task.given);
  writer.number("waiting", waiting);
  append_ends(writer, task);
  if (TimePoint oldest = oldest_of(task); oldest != kNever) writer.number("oldest_ms", to_ms(now - oldest));
  writer.end();
}

// Of a task that calls wait for and nobody provides.
void append_line(std::string& out, const Line& line, TimePoint now) {
  TimePoint oldest = kNever;
  for (const auto& [uid, calls] : line.users) oldest = std::min(oldest, calls.front().began);
  ObjectWriter writer(out);
  writer.text("task", line.task);
  writer.text_if_any("to", line.to);
  writer.member("providers") += "[]";
  writer.number("open", 0);
  writer.number("waiting", line.size);
  append_ends(writer, nobodys());
  writer.number("oldest_ms", to_ms(now - oldest));
  writer.end();
}

void describe_provider(const CallPeer& peer, StatusWriter& out) {
  const Provider& provider = *peer.provider;
  // They are no metrics: each connection would begin series that end with it.
  out.number("pid", peer.peer.shown_pid());
  if (peer.peer.kernel_pid != peer.peer.shown_pid()) out.number("kernel_pid", peer.peer.kernel_pid);
  out.number("uid", peer.peer.uid);
  if (std::string source = origin_of(peer.peer).source; !source.empty()) out.text("source", source);
  out.number("slots", provider.slots);
  out.number("open", provider.given.size());
  if (provider.priority != 0) out.number("priority", provider.priority);
  out.number("late", provider.late);
  if (peer.is_silent()) out.flag("silent", true);
  std::vector<std::string> names;
  for (const Task* task : provider.tasks) {
    if (names.size() == kTasksShown) break;
    names.push_back(task->name);
  }
  out.texts("tasks", names);
  if (provider.tasks.size() > names.size()) out.number("more_tasks", provider.tasks.size() - names.size());
}

// What is told in one row of status: a name that was provided, and the lines of those who wait for it. Lines of a task that
// nobody provides have no task that knows them.
struct Row {
  const Task* task = nullptr;
  std::vector<const Line*> lines;
};

std::map<std::string_view, Row> by_name_with_lines(const Tracker& tracker) {
  std::map<std::string_view, Row> rows;
  tracker.exchange().tasks().for_each([&](const Task& task) {
    rows[task.name] = {&task, std::vector<const Line*>(task.lines.begin(), task.lines.end())};
  });
  for (const Line* line : tracker.exchange().lines().all()) {
    if (line->tasks.empty()) rows[line->task].lines.push_back(line);
  }
  return rows;
}

void describe_row(std::string_view name, const Row& row, size_t waiting_calls, StatusWriter& out) {
  const Task& task = row.task == nullptr ? nobodys() : *row.task;
  size_t waiting = 0;
  bool full = false;
  for (const Line* line : row.lines) {
    waiting += line->size;
    full = full || WaitingLines::is_full(*line, waiting_calls);
  }
  size_t slots = 0;
  size_t free = 0;
  for (const CallPeer* peer : task.providers) {
    slots += peer->provider->slots;
    if (peer->has_free_slot()) free += peer->free_slots();
  }
  out.label("task", name);
  out.number("providers", task.providers.size(),
             {"busd_task_providers", "Connections that provide the task."});
  out.number("open", task.given, {"busd_task_open_calls", "Calls of the task that a provider has."});
  out.number("waiting", waiting, {"busd_task_waiting_calls", "Calls that wait for the task."});
  out.number("done", task.ends[static_cast<size_t>(CallEnd::done)],
             {"busd_task_done_total", "Calls of the task that ended with a result."});
  out.number("ended", std::accumulate(task.ends.begin(), task.ends.end(), uint64_t{0}),
             {"busd_task_ended_total", "Calls of the task that ended."});
  out.number("p50_us", task.latency.percentile(50),
             {"busd_task_median_seconds", "Half of the calls of the task took at most so long.", kMicro});
  out.number("p99_us", task.latency.percentile(99),
             {"busd_task_p99_seconds", "All but one percent of the calls of the task took at most so long.",
              kMicro});
  out.number("slots", slots, {"busd_task_slots", "Slots of the task's providers, over all their tasks."});
  out.number("free", free, {"busd_task_free_slots", "Those of them that are free."});
  if (full) out.flag("full", true);
}

void describe_task_rows(const std::map<std::string_view, Row>& rows, size_t waiting_calls,
                        StatusWriter& out) {
  out.begin_list("tasks");
  for (const auto& [name, row] : rows) {
    if (!out.begin_row()) break;
    describe_row(name, row, waiting_calls, out);
    out.end_row();
  }
  out.end_list();
}

void describe_providers(const Tracker& tracker, StatusWriter& out) {
  // By connection, since one may provide many tasks.
  std::map<PeerId, const CallPeer*> providers;
  tracker.exchange().tasks().for_each([&](const Task& task) {
    for (const CallPeer* peer : task.providers) providers[peer->peer.id] = peer;
  });
  out.begin_list("providers");
  for (const auto& [id, peer] : providers) {
    if (!out.begin_row()) break;
    describe_provider(*peer, out);
    out.end_row();
  }
  out.end_list();
}

}  // namespace

void describe_calls(const Tracker& tracker, size_t waiting_calls, StatusWriter& out) {
  static constexpr std::array<Metric, kCallEnds> kEndMetrics{{
      {"busd_calls_done_total", "Calls that ended with a result."},
      {"busd_calls_failed_total", "Calls that ended with an error of their provider."},
      {"busd_calls_timeout_total", "Calls that ended by their deadline."},
      {"busd_calls_canceled_total", "Calls that ended by cancel, or with their caller or parent."},
      {"busd_calls_provider_gone_total", "Calls whose provider went."},
      {"busd_calls_declined_total", "Calls that every provider declined."},
      {"busd_calls_no_provider_total", "Calls that nobody was there for."},
      {"busd_calls_busy_total", "Calls that a limit ended."},
      {"busd_calls_other_ends_total", "Calls that ended in another way."},
  }};
  out.begin_object("calls");
  out.number("open", tracker.open(), {"busd_calls_open", "Open calls."});
  out.number("waiting", tracker.exchange().lines().size(),
             {"busd_calls_waiting", "Calls that wait for a provider."});
  for (size_t i = 0; i < kCallEnds; ++i)
    out.number(kEndNames[i], tracker.ends(static_cast<CallEnd>(i)), kEndMetrics[i]);
  out.end_object();
  describe_task_rows(by_name_with_lines(tracker), waiting_calls, out);
  describe_providers(tracker, out);
}

std::string describe_tasks(const Tracker& tracker, size_t most, TimePoint now) {
  constexpr size_t kEndBytes = 64;
  std::string out = R"({"tasks":[)";
  size_t left_out = 0;
  std::string one;
  auto add = [&] {
    if (out.size() + one.size() + kEndBytes > most) {
      ++left_out;
    } else {
      if (out.back() != '[') out += ',';
      out += one;
    }
    one.clear();
  };
  for (const Task* task : by_name(tracker)) {
    append_task(one, *task, now);
    add();
  }
  for (const Line* line : tracker.exchange().lines().all()) {
    if (!line->tasks.empty()) continue;
    append_line(one, *line, now);
    add();
  }
  out += ']';
  if (left_out > 0) out += R"(,"left_out":)" + std::to_string(left_out);
  return out += '}';
}

}  // namespace bus::hub
