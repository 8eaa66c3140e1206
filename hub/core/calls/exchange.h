// Brings calls and providers together: who takes a call now, and which call a free slot takes.
//
// Has the table of what is provided and the lines of those that wait, and keeps the two linked: each line knows the
// provided tasks that match it, and each of these the first calls of its lines, so a provider with a free slot looks
// only at the oldest call of each user. Ends no call.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/calls/task_table.h"
#include "hub/core/calls/waiting_lines.h"

namespace bus::hub {

class Exchange {
 public:
  explicit Exchange(TurnBudget& budget) : budget_(budget), tasks_(budget) {}

  const TaskTable& tasks() const { return tasks_; }
  const WaitingLines& lines() const { return lines_; }

  // The peer provides these, too.
  void provide(CallPeer& peer, const std::vector<std::string>& names);
  // The peer, which provides these, does so no longer. Returns the calls that nobody is there for any more.
  std::vector<Call*> withdraw(CallPeer& peer, const std::vector<Task*>& tasks);
  // Calls that wait for these tasks, and that everybody who is left has passed on.
  std::vector<Call*> declined(const std::vector<Task*>& tasks) const;
  // After that: the tasks that were withdrawn may go.
  void forget_absent() { tasks_.forget_absent(); }
  // Calls that wait for these tasks and cannot come to their turn.
  std::vector<Call*> deadlocked(const std::vector<Task*>& tasks) const;

  Choice choose(const Call& call) const;
  bool is_provided(const Call& call) const { return tasks_.is_provided(call.text.task(), call.to()); }
  // Whether all who provide its task serve calls that it was made for, and have no free slot.
  bool is_deadlocked(const Call& call) const;
  // For people: nobody provides the task, but perhaps one of nearly that name.
  std::string nobody_provides(const Call& call) const;

  size_t waiting_beside(const Call& call) const;
  void join(Call& call, bool in_front);
  void leave(Call& call);
  void served(const Call& call) { lines_.served(call.account->uid); }
  // The call that a free slot of the peer takes, and by which task; none: nullptr.
  std::pair<Call*, Task*> next_for(const CallPeer& peer) const;

 private:
  static constexpr size_t kMaxAncestors = 1024;

  void link_lines(Task& task);
  void first_changed(Line& line, Call* before, Call* after);
  template <class Firsts>
  Call* first_for(const CallPeer& peer, const Firsts& firsts) const;
  bool others_serve(const CallPeer& peer, const Call& call) const;

  TurnBudget& budget_;
  TaskTable tasks_;
  WaitingLines lines_;
};

}  // namespace bus::hub
