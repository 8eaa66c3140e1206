// All runs that have processes, and all children of ours: which run each belongs to, and when it ends.
//
// We are a child subreaper: every orphan below us becomes our child. So a run is over exactly when its first process and
// all orphans of it are reaped, whatever they did to get away. Which run an orphan is of is said by its mark (process_facts.h),
// else by its session. Ends are announced by SIGCHLD and not by pidfds, since those could be had for first processes alone;
// none is lost by signals that merge, since all that have ended are reaped each time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consumer/sources/cgroup.h"
#include "consumer/sources/record.h"
#include "consumer/sources/run.h"
#include "protocol/event/loop.h"
#include "protocol/event/signal_watch.h"
#include "protocol/event/timer.h"

namespace bus::sources {

class RunTable {
 public:
  RunTable(Loop& loop, std::string trampoline, uint32_t instance);
  // Kills what is left, and waits for its end.
  ~RunTable();
  RunTable(const RunTable&) = delete;
  RunTable& operator=(const RunTable&) = delete;

  // Each before the first run; without, there are no cgroups, and no record.
  void use_cgroups(Result<CgroupParent> parent);
  void use_record(Result<Record> record);

  std::vector<std::string> take_complaints() { return std::exchange(complaints_, {}); }

  // --- for runs ---

  Loop& loop() { return loop_; }
  // Its place, from when it is made until it is over.
  uint32_t enter(Run& run);
  void leave(uint32_t serial);
  // What it is to be spawned with; makes its cgroup.
  SpawnPlan plan(uint32_t serial, const Launch& launch, std::unique_ptr<Cgroup>& cgroup,
                 std::vector<std::string>& complaints);
  // Its first process lives, from now on until reaped() is told.
  void set_first(uint32_t serial, pid_t pid);
  // Looks for orphans that have come since.
  void look();
  // Orphans of it, which are our children, as of the last look.
  std::vector<int64_t> orphans_of(uint32_t serial) const;
  // announce() is called in a turn of its own, soon.
  void announce_later(uint32_t serial);
  // More has to be killed, though no end may announce when.
  void pursue_later();
  // Of a run that nobody owns any more.
  void complain(std::string what) { complaints_.push_back(std::move(what)); }
  // Takes over a run that nobody owns any more, until it is over.
  void adopt(std::unique_ptr<Run> run);

 private:
  void on_child();
  void on_time();
  bool reap();
  uint32_t run_of_orphan(int64_t pid) const;
  void settle_all();
  void limit(const Cgroup& cgroup, const Launch& launch, std::vector<std::string>& complaints);
  void note(const Result<void>& recorded);

  Loop& loop_;
  std::string trampoline_;
  uint32_t instance_;
  uint32_t last_serial_ = 0;
  std::map<uint32_t, Run*> runs_;
  std::map<pid_t, uint32_t> first_;      // first processes that are not reaped, and their runs
  std::map<int64_t, uint32_t> orphans_;  // our other children, and their runs; 0: nobody's
  std::vector<std::unique_ptr<Run>> nobodys_;
  std::vector<uint32_t> to_announce_;
  std::optional<CgroupParent> cgroups_;
  std::string no_cgroups_ = "they are off";  // why there are none
  std::optional<Result<void>> controllers_;  // once they were needed
  std::optional<Record> record_;
  bool has_no_record_ = false;  // and has said so
  std::vector<std::string> complaints_;
  TimePoint pursue_at_ = kNever;
  Timer timer_;
  SignalWatch child_watch_;
};

}  // namespace bus::sources
