// One run, as the table of all runs sees it: from the spawn of its first process until nothing of it is left.
//
// The inside of Process (process.h), which it may outlive: without an owner it tells nobody, and is killed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "consumer/sources/cgroup.h"
#include "consumer/sources/process.h"
#include "consumer/sources/process_facts.h"
#include "consumer/sources/spawn.h"
#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"

namespace bus::sources {

class RunTable;

class Run final : private FdWatch::Handler {
 public:
  Run(RunTable& table, Process::Owner& owner, Launch launch);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // --- for its owner ---

  Pipes take_pipes() { return std::move(pipes_); }
  pid_t pid() const { return pid_; }
  std::vector<std::string> take_complaints() { return std::exchange(complaints_, {}); }
  void terminate();
  void kill();
  Process::Use use();
  void disown() { owner_ = nullptr; }
  bool is_over() const { return over_; }

  // --- for the table ---

  const std::string& source() const { return launch_.source; }
  bool is_being_killed() const { return killing_ && !over_; }
  // Told to end, or ended by itself.
  bool is_ending() const { return ending_ || (pid_ > 0 && !first_lives_); }
  bool may_have_started(const ProcessFacts& facts) const { return facts.start_ticks >= start_ticks_; }
  bool has_in_cgroup(std::string_view cgroups) const { return cgroup_ && cgroup_->holds(cgroups); }
  void announce();                 // that it could not be started
  void first_ended(int status);    // its first process was reaped: the status of waitpid(2)
  void orphan_found(int64_t pid);  // in a table that looks
  void stray_found(int64_t pid);   // an orphan that is taken for one of its own
  void settle(bool has_orphans);   // after what was reaped in this turn
  void pursue();                   // after a look: signals again all that is left to kill

 private:
  enum class Phase { starting, running, failed };

  void on_readable() override;
  void on_writable() override {}
  void take_report(const StartReport& report);
  void reports_ended();
  void could_not_start(std::string reason);
  void finish();
  bool has_others_in_cgroup();
  bool is_in_group(int64_t orphan) const;
  void kill_below(int64_t top);
  Exit exit_of(int status) const;
  void complain(const std::string& what);

  RunTable& table_;
  Process::Owner* owner_;
  Launch launch_;
  const uint32_t serial_;
  std::unique_ptr<Cgroup> cgroup_;
  Pipes pipes_;
  Fd report_;
  std::optional<FdWatch> report_watch_;
  pid_t pid_ = -1;
  uint64_t start_ticks_ = 0;  // of its first process
  Phase phase_ = Phase::starting;
  bool is_ready_ = false;     // its process has come to exec(2)
  std::string failure_;       // why there is no program
  bool first_lives_ = false;  // not reaped
  std::optional<Exit> exit_;  // that the owner is to be told of
  bool waits_for_orphans_ = false;
  bool ending_ = false;
  bool terminating_ = false;
  bool killing_ = false;
  bool over_ = false;
  uint32_t pursuits_ = 0;
  uint32_t looks_at_cgroup_ = 0;
  bool complained_ = false;
  TimePoint started_at_{};
  std::vector<std::string> complaints_;
};

}  // namespace bus::sources
