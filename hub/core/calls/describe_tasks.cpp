#include "hub/core/calls/describe_tasks.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "hub/core/base/status_writer.h"
#include "hub/core/calls/tracker.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

constexpr std::array<std::string_view, kCallEnds> kEndNames{
    "done", "failed", "timeout", "canceled", "provider_gone", "declined", "no_provider", "busy", "other"};

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

void append_task(std::string& out, const Task& task, TimePoint now) {
  size_t waiting = 0;
  for (const Line* line : task.lines) waiting += line->size;
  ObjectWriter writer(out);
  writer.text("task", task.name);
  writer.list("providers", std::vector<const CallPeer*>(task.providers.begin(), task.providers.end()),
              append_provider);
  writer.number("open", task.given);
  writer.number("waiting", waiting);
  ObjectWriter ends(writer.member("ends"));
  for (size_t i = 0; i < kCallEnds; ++i) ends.number(kEndNames[i], task.ends[i]);
  ends.end();
  writer.number("p50_us", task.latency.percentile(50));
  writer.number("p99_us", task.latency.percentile(99));
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
  writer.number("oldest_ms", to_ms(now - oldest));
  writer.end();
}

}  // namespace

void describe_calls(const Tracker& tracker, StatusWriter& out) {
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
  out.begin_list("tasks");
  for (const Task* task : by_name(tracker)) {
    if (!out.begin_row()) break;
    size_t waiting = 0;
    for (const Line* line : task->lines) waiting += line->size;
    out.label("task", task->name);
    out.number("providers", task->providers.size(),
               {"busd_task_providers", "Connections that provide the task."});
    out.number("open", task->given, {"busd_task_open_calls", "Calls of the task that a provider has."});
    out.number("waiting", waiting, {"busd_task_waiting_calls", "Calls that wait for the task."});
    out.number("done", task->ends[static_cast<size_t>(CallEnd::done)],
               {"busd_task_done_total", "Calls of the task that ended with a result."});
    out.number("ended", std::accumulate(task->ends.begin(), task->ends.end(), uint64_t{0}),
               {"busd_task_ended_total", "Calls of the task that ended."});
    out.number("p50_us", task->latency.percentile(50),
               {"busd_task_median_seconds", "Half of the calls of the task took at most so long.", kMicro});
    out.number("p99_us", task->latency.percentile(99),
               {"busd_task_p99_seconds", "All but one percent of the calls of the task took at most so long.",
                kMicro});
    out.end_row();
  }
  out.end_list();
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
