#include "hub/core/calls/exchange.h"

#include <algorithm>

#include "protocol/base/strings.h"

namespace bus::hub {

void Exchange::provide(CallPeer& peer, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Task* task = nullptr;
    if (tasks_.add(peer, name, task) && task->providers.size() == 1) link_lines(*task);
  }
}

namespace {

// Calls are told of their end in the order in which they came.
void sort_by_age(std::vector<Call*>& calls) {
  std::sort(calls.begin(), calls.end(), OlderCall());
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
}

void attach(Task& task, Line& line) {
  line.tasks.push_back(&task);
  task.lines.insert(&line);
  for (auto& [uid, calls] : line.users) task.fronts.add(line.to, calls.front());
}

}  // namespace

// It has providers from now on.
void Exchange::link_lines(Task& task) {
  budget_.spend(lines_.all().size());
  for (Line* line : lines_.all()) {
    if (TaskTable::matches(task.name, line->task)) attach(task, *line);
  }
}

std::vector<Call*> Exchange::withdraw(CallPeer& peer, const std::vector<Task*>& tasks) {
  std::vector<Line*> left;
  for (Task* task : tasks) {
    tasks_.remove(peer, *task);
    if (!task->providers.empty()) {
      // Those that wait for one source may have lost it.
      std::copy_if(task->lines.begin(), task->lines.end(), std::back_inserter(left),
                   [](const Line* line) { return !line->to.empty(); });
      continue;
    }
    task->fronts.clear();
    for (Line* line : std::exchange(task->lines, {})) {
      std::erase(line->tasks, task);
      left.push_back(line);
    }
  }
  std::sort(left.begin(), left.end());
  left.erase(std::unique(left.begin(), left.end()), left.end());
  std::vector<Call*> lost;
  for (Line* line : left) {
    if (tasks_.is_provided(line->task, line->to)) continue;
    for (auto& [uid, calls] : line->users) {
      for (Call* call = &calls.front(); call != nullptr; call = call->behind) {
        if (!call->waits) lost.push_back(call);
      }
    }
  }
  budget_.spend(lost.size());
  sort_by_age(lost);
  return lost;
}

// Those that were passed on stand in front.
std::vector<Call*> Exchange::declined(const std::vector<Task*>& tasks) const {
  std::vector<Call*> found;
  for (const Task* task : tasks) {
    for (Line* line : task->lines) {
      budget_.spend(line->users.size());
      for (auto& [uid, calls] : line->users) {
        for (Call* call = &calls.front(); call != nullptr && call->was_passed_on(); call = call->behind) {
          if (!choose(*call).any) found.push_back(call);
        }
      }
    }
  }
  sort_by_age(found);
  return found;
}

std::vector<Call*> Exchange::deadlocked(const std::vector<Task*>& tasks) const {
  std::vector<Call*> found;
  for (const Task* task : tasks) {
    for (Line* line : task->lines) {
      budget_.spend(line->size);
      for (auto& [uid, calls] : line->users) {
        for (Call* call = &calls.front(); call != nullptr; call = call->behind) {
          if (call->parent() != nullptr && is_deadlocked(*call)) found.push_back(call);
        }
      }
    }
  }
  sort_by_age(found);
  return found;
}

Choice Exchange::choose(const Call& call) const { return tasks_.choose(call, call.text.task(), call.to()); }

bool Exchange::is_deadlocked(const Call& call) const {
  std::vector<const CallPeer*> serving;
  for (const Call* above = call.parent(); above != nullptr && serving.size() < kMaxAncestors;
       above = above->parent())
    serving.push_back(above->provider);
  budget_.spend(serving.size());
  bool provided = false;
  bool waits_for_itself = true;
  tasks_.visit_matching(call.text.task(), [&](const Task& task) {
    for (const CallPeer* peer : task.providers) {
      if (!TaskTable::takes(*peer, call.to()) || TaskTable::declined(call, *peer)) continue;
      provided = true;
      bool serves = std::find(serving.begin(), serving.end(), peer) != serving.end();
      if (!serves || peer->has_free_slot()) return waits_for_itself = false;
    }
    return true;
  });
  return provided && waits_for_itself;
}

std::string Exchange::nobody_provides(const Call& call) const {
  std::string_view task = call.text.task();
  std::string text = "nobody provides " + std::string(task);
  if (!call.to().empty() && tasks_.is_provided(task, {}))
    return "the source " + std::string(call.to()) + " does not provide " + std::string(task) + ", others do";
  std::string_view near = tasks_.nearest(task);
  if (near.empty() || near == task) return text;
  const CallPeer& peer = *tasks_.find(near)->providers.front();
  return text + "; " + std::string(near) + " is provided by pid " + std::to_string(peer.peer.shown_pid());
}

size_t Exchange::waiting_beside(const Call& call) const {
  const Line* line = lines_.find(call.text.task(), call.to());
  return line == nullptr ? 0 : WaitingLines::waiting_of(*line, call.account->uid);
}

void Exchange::join(Call& call, bool in_front) {
  bool is_new = false;
  Line& line = lines_.line(call.text.task(), call.to(), is_new);
  if (is_new) {
    tasks_.visit_matching(line.task, [&](Task& task) {
      attach(task, line);
      return true;
    });
  }
  Call* before = WaitingLines::first_of(line, call.account->uid);
  lines_.join(line, call, in_front);
  first_changed(line, before, WaitingLines::first_of(line, call.account->uid));
}

void Exchange::leave(Call& call) {
  Line& line = *call.line;
  Call* before = WaitingLines::first_of(line, call.account->uid);
  lines_.leave(call);
  first_changed(line, before, WaitingLines::first_of(line, call.account->uid));
  if (line.size > 0) return;
  for (Task* task : std::exchange(line.tasks, {})) task->lines.erase(&line);
  lines_.erase(line);
}

// Of the calls of one user in the line.
void Exchange::first_changed(Line& line, Call* before, Call* after) {
  if (before == after) return;
  for (Task* task : line.tasks) {
    if (before != nullptr) task->fronts.remove(line.to, *before);
    if (after != nullptr) task->fronts.add(line.to, *after);
  }
}

std::pair<Call*, Task*> Exchange::next_for(const CallPeer& peer) const {
  std::pair<Call*, Task*> next{nullptr, nullptr};
  if (lines_.size() == 0) return next;
  budget_.spend(peer.provider->tasks.size());
  std::string_view name = TaskTable::source_name(peer);
  for (Task* task : peer.provider->tasks) {
    auto look = [&](const auto& firsts) {
      Call* call = first_for(peer, firsts);
      if (call == nullptr || (next.first != nullptr && !lines_.is_before(*call, *next.first))) return;
      next = {call, task};
    };
    task->fronts.for_each_user({}, look);
    if (!name.empty()) task->fronts.for_each_user(name, look);
  }
  return next;
}

// The oldest call of one user that the peer may take; `firsts` are those that stand first in their lines.
template <class Firsts>
Call* Exchange::first_for(const CallPeer& peer, const Firsts& firsts) const {
  Call* oldest = nullptr;
  for (Call* call : firsts) {
    if (oldest != nullptr && oldest->id < call->id) break;
    budget_.spend(1);
    // Those that the peer has passed on stand in front.
    while (call != nullptr && TaskTable::declined(*call, peer)) call = call->behind;
    if (call == nullptr || (oldest != nullptr && oldest->id < call->id)) continue;
    if (!peer.is_silent() || !others_serve(peer, *call)) oldest = call;
  }
  return oldest;
}

// Whether somebody who has been heard of will take the call, if not now.
bool Exchange::others_serve(const CallPeer& peer, const Call& call) const {
  bool found = false;
  tasks_.visit_matching(call.text.task(), [&](const Task& task) {
    budget_.spend(task.providers.size());
    for (const CallPeer* other : task.providers) {
      found = other != &peer && !other->is_silent() && TaskTable::takes(*other, call.to()) &&
              !TaskTable::declined(call, *other);
      if (found) return false;
    }
    return true;
  });
  return found;
}

}  // namespace bus::hub
