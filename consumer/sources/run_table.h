// All runs that have processes, and all children of ours: which run each belongs to, and when it ends.
//
// We are a child subreaper: every orphan below us becomes our child. So a run is over exactly when its first process and
// all orphans of it are reaped, whatever they did to get away, and its cgroup, if it has one, is empty. Which run an orphan is of
// is said by its mark (process_facts.h), else by its session or its cgroup. A STRAY, of which nothing says it, can only come
// from one of our runs: it goes with the first one to end of those that may have started it, and in any case with us; that
// nothing outlives a stop counts for more than that another source, which hides its processes, may lose one.
//
// A look that could not be made ends nothing: it is made again until it could. Ends are announced by SIGCHLD and not by pidfds, since those could be had for first processes alone;
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
  void use_record(std::string path);

  std::vector<std::string> take_complaints() { return std::exchange(complaints_, {}); }

  // --- for runs ---

  Loop& loop() { return loop_; }
  // Its place, from when it is made until it is over.
  uint32_t enter(Run& run);
  void leave(uint32_t serial);
  // What it is to be spawned with; makes its cgroup. An error says why it must not be started: the next bus-sources would not
  // find it, should we be killed.
  Result<SpawnPlan> plan(uint32_t serial, const Launch& launch, std::unique_ptr<Cgroup>& cgroup,
                         std::vector<std::string>& complaints);
  // Its first process lives, from now on until first_ended() is told. Returns when it was started, 0: it cannot be seen.
  uint64_t set_first(uint32_t serial, pid_t pid);
  // Looks for orphans that have come since. False: nothing can be seen, and all is settled again soon.
  bool look();
  // Orphans of it, which are our children, as of the last look.
  std::vector<int64_t> orphans_of(uint32_t serial) const;
  // announce() is called in a turn of its own, soon.
  void announce_later(uint32_t serial);
  // Looks and settles again then at the latest, though no end may announce anything.
  void settle_in(Duration time);
  // Of a run that nobody owns any more.
  void complain(std::string what) { complaints_.push_back(std::move(what)); }
  // Takes over a run that nobody owns any more, until it is over.
  void adopt(std::unique_ptr<Run> run);

 private:
  void on_child();
  void on_time();
  bool reap();
  Result<void> find_orphans();
  Result<uint32_t> run_of_orphan(int64_t pid) const;
  void claim_strays();
  bool kill_strays();
  void settle_all();
  Result<void> record_run(uint32_t serial, RecordedRun run);
  void limit(const Cgroup& cgroup, const Launch& launch, std::vector<std::string>& complaints);
  void note(const Result<void>& recorded);

  Loop& loop_;
  std::string trampoline_;
  uint32_t instance_;
  uint32_t last_serial_ = 0;
  std::map<uint32_t, Run*> runs_;
  std::map<pid_t, uint32_t> first_;  // first processes that are not reaped, and their runs
  static constexpr uint32_t kStray = 0;
  static constexpr uint32_t kForeign = UINT32_MAX;  // was our child before there was a run
  std::map<int64_t, uint32_t> orphans_;             // our other children, and their runs
  std::vector<std::unique_ptr<Run>> nobodys_;
  std::vector<uint32_t> to_announce_;
  std::optional<CgroupParent> cgroups_;
  std::string no_cgroups_ = "they are off";  // why there are none
  std::optional<Result<void>> controllers_;  // once they were needed
  std::string record_path_;                  // empty: nothing is to be recorded
  std::string place_ = "0";                  // of the record: a part of the names of cgroups
  std::optional<Record> record_;
  bool has_no_record_ = false;  // and has said so
  bool is_blind_ = false;       // the last look could not be made, and that was said
  std::vector<std::string> complaints_;
  TimePoint settle_at_ = kNever;
  Timer timer_;
  SignalWatch child_watch_;
};

}  // namespace bus::sources
