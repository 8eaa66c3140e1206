// Who provides which tasks, and who of them takes a call (PROTOCOL.md 10, choosing).
//
// A task stands here under the name by which it is provided, which may be a pattern. To find those that match a
// request costs a look-up for each dot in its name, and to choose one look at each provider of these.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "hub/core/base/text_map.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/calls/call_peer.h"
#include "hub/core/calls/latency.h"
#include "hub/core/calls/waiting_fronts.h"

namespace bus::hub {

struct Task {
  std::string name;  // or a pattern
  std::vector<CallPeer*> providers;
  std::unordered_set<Line*> lines;  // of calls that wait, and that a provider of this may take
  WaitingFronts fronts;             // of these
  size_t given = 0;                 // calls of it that are open
  std::array<uint64_t, kCallEnds> ends{};
  Latency latency;
};

// Who may take a call.
struct Choice {
  CallPeer* provider = nullptr;  // has a free slot
  Task* task = nullptr;          // by which
  bool any = false;              // somebody may, though perhaps not now
};

class TaskTable {
 public:
  explicit TaskTable(TurnBudget& budget) : budget_(budget) {}
  ~TaskTable();

  // Whether the peer did not provide it before. `first`: nobody did.
  bool add(CallPeer& peer, const std::string& name, Task*& task);
  // The peer, which provides it, does so no longer.
  void remove(CallPeer& peer, Task& task);
  // Of the tasks that nobody provides, keeps the newest.
  void forget_absent();
  Task* find(std::string_view name) const;

  Choice choose(const Call& call, std::string_view task, std::string_view to) const;
  // Whether somebody provides the task; with `to`, that source.
  bool is_provided(std::string_view task, std::string_view to) const;
  // The name by which a call may ask for the peer; empty: it has none.
  static std::string_view source_name(const CallPeer& peer);
  // Whether the peer is the one that a call asks for; empty: any.
  static bool takes(const CallPeer& peer, std::string_view to);
  // Whether it was given the call before, and passed it on.
  static bool declined(const Call& call, const CallPeer& peer);

  // Those that match `task` and have providers, the closest first, until `visit` returns false.
  template <class Visit>
  void visit_matching(std::string_view task, Visit visit) const {
    if (Task* exact = find_provided(task); exact != nullptr && !visit(*exact)) return;
    for (size_t end = task.size() - 1; end > 0;) {
      size_t dot = task.rfind('.', end - 1);
      if (dot == std::string_view::npos) break;
      std::string pattern(task.substr(0, dot + 1));
      if (Task* prefix = find_provided(pattern += '*'); prefix != nullptr && !visit(*prefix)) return;
      end = dot;
    }
    if (task.starts_with(kHubPrefix)) return;
    if (Task* all = find_provided("*"); all != nullptr) visit(*all);
  }
  // Whether the task that is provided under `name` is one of those.
  static bool matches(std::string_view name, std::string_view task);

  // The provided name that is spelled most like `task`; empty if none is near.
  std::string_view nearest(std::string_view task) const;

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, task] : tasks_) visit(*task);
  }
  size_t size() const { return tasks_.size(); }

  // Tasks below are the hub's.
  static constexpr std::string_view kHubPrefix = "bus.";

 private:
  // Tasks that nobody provides any more, and whose counts are kept.
  static constexpr size_t kMaxAbsent = 256;

  Task* find_provided(std::string_view name) const;

  TurnBudget& budget_;
  TextMap<std::unique_ptr<Task>> tasks_;
  std::deque<std::string> absent_;  // names, the oldest first; some may be provided again
};

}  // namespace bus::hub
