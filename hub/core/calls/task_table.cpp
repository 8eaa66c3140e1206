#include "hub/core/calls/task_table.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/base/spelling.h"
#include "protocol/event_pattern.h"

namespace bus::hub {

namespace {

// Names that a misspelt task is compared with.
constexpr size_t kMaxCompared = 256;

// Of two providers with a free slot.
bool is_better(const CallPeer& a, const CallPeer& b) {
  const Provider& x = *a.provider;
  const Provider& y = *b.provider;
  if (x.priority != y.priority) return x.priority > y.priority;
  if (a.free_slots() != b.free_slots()) return a.free_slots() > b.free_slots();
  return x.idle_since < y.idle_since;
}

}  // namespace

TaskTable::~TaskTable() {
  for (const auto& [name, task] : tasks_) BUSD_CHECK(task->providers.empty() && task->given == 0);
}

Task* TaskTable::find(std::string_view name) const {
  auto at = tasks_.find(name);
  return at == tasks_.end() ? nullptr : at->second.get();
}

Task* TaskTable::find_provided(std::string_view name) const {
  Task* task = find(name);
  return task == nullptr || task->providers.empty() ? nullptr : task;
}

bool TaskTable::add(CallPeer& peer, const std::string& name, Task*& task) {
  auto& found = tasks_[name];
  if (!found) {
    found = std::make_unique<Task>();
    found->name = name;
  }
  task = found.get();
  auto& theirs = peer.provider->tasks;
  if (std::find(theirs.begin(), theirs.end(), task) != theirs.end()) return false;
  theirs.push_back(task);
  task->providers.push_back(&peer);
  return true;
}

void TaskTable::remove(CallPeer& peer, Task& task) {
  std::erase(peer.provider->tasks, &task);
  std::erase(task.providers, &peer);
  if (!task.providers.empty()) return;
  absent_.push_back(task.name);
}

// Those that still have open calls stay until these have ended.
void TaskTable::forget_absent() {
  for (size_t looked_at = absent_.size(); absent_.size() > kMaxAbsent && looked_at > 0; --looked_at) {
    std::string name = std::move(absent_.front());
    absent_.pop_front();
    Task* task = find(name);
    if (task == nullptr || !task->providers.empty()) continue;
    if (task->given == 0) {
      tasks_.erase(tasks_.find(name));
    } else {
      absent_.push_back(std::move(name));
    }
  }
}

bool TaskTable::takes(const CallPeer& peer, std::string_view to) {
  return to.empty() || source_name(peer) == to;
}

std::string_view TaskTable::source_name(const CallPeer& peer) {
  return peer.peer.phase == Phase::source ? std::string_view(peer.peer.key) : std::string_view();
}

bool TaskTable::declined(const Call& call, const CallPeer& peer) {
  if (!call.extras) return false;
  const auto& passed = call.extras->passed_by;
  return std::find(passed.begin(), passed.end(), peer.peer.id) != passed.end();
}

bool TaskTable::is_provided(std::string_view task, std::string_view to) const {
  bool found = false;
  visit_matching(task, [&](Task& each) {
    budget_.spend(to.empty() ? 1 : each.providers.size());
    found = to.empty() || std::any_of(each.providers.begin(), each.providers.end(),
                                      [&](const CallPeer* peer) { return takes(*peer, to); });
    return !found;
  });
  return found;
}

Choice TaskTable::choose(const Call& call, std::string_view task, std::string_view to) const {
  Choice choice;
  Choice silent;  // the best of those that have not been heard of
  visit_matching(task, [&](Task& each) {
    budget_.spend(each.providers.size());
    for (CallPeer* peer : each.providers) {
      if (!takes(*peer, to) || declined(call, *peer)) continue;
      choice.any = true;
      if (!peer->has_free_slot()) continue;
      Choice& best = peer->is_silent() ? silent : choice;
      // Those of a closer name were looked at before.
      if (best.provider != nullptr && (best.task != &each || !is_better(*peer, *best.provider))) continue;
      best.provider = peer;
      best.task = &each;
    }
    return choice.provider == nullptr;
  });
  if (choice.provider != nullptr || silent.provider == nullptr) return choice;
  silent.any = true;
  return silent;
}

bool TaskTable::matches(std::string_view name, std::string_view task) {
  EventPattern pattern = parse_event_pattern(name);
  if (pattern.kind == EventPattern::Kind::all && task.starts_with(kHubPrefix)) return false;
  return bus::matches(pattern, task);
}

std::string_view TaskTable::nearest(std::string_view task) const {
  std::vector<std::string_view> names;
  for (const auto& [name, each] : tasks_) {
    if (!each->providers.empty()) names.push_back(name);
    if (names.size() == kMaxCompared) break;
  }
  budget_.spend(names.size());
  std::string_view best;
  size_t best_distance = task.size();
  for (std::string_view name : names) {
    if (!alike(task, name)) continue;
    size_t distance = edit_distance(task, name);
    if (distance >= best_distance) continue;
    best = name;
    best_distance = distance;
  }
  return best;
}

}  // namespace bus::hub
