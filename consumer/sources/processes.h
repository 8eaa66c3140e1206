// What all runs of all sources share: who reaps, the record of what runs, the cgroup beneath which each run gets its own.
//
// One object, which main makes before the first Process and destroys after the last. From then on every child of this
// program is taken to be of a source: nothing else in it may start and wait for a child.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/event/loop.h"

namespace bus::sources {

class RunTable;

// Ends what an earlier bus-sources, which was killed, has left running by its record, and removes its cgroups: takes up to a
// second if there is something, nothing otherwise. To be called by whoever has the lock. Returns complaints, one line each.
std::vector<std::string> clean_up(const std::string& record);

class Processes {
 public:
  struct Settings {
    // The file that survives a SIGKILL of ours, and tells the next one what was left running. It stands beside the lock,
    // which is ours already. Empty: none.
    std::string record;
    std::string trampoline = {};  // empty: found beside our own program, or where it is installed
    bool cgroups = true;          // one for each run, where they can be made
  };

  // Makes this program the one that orphans of its sources are given to, and cleans up after an earlier one.
  //
  // Errors: unavailable  there is no trampoline
  static Result<std::unique_ptr<Processes>> create(Loop& loop, const Settings& settings);
  // Kills what is left, and waits for its end.
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // What could not be done and is not fatal, one line each; for the log.
  std::vector<std::string> take_complaints();

  RunTable& runs() { return *runs_; }

 private:
  Processes();

  std::unique_ptr<RunTable> runs_;
  std::vector<std::string> complaints_;
};

}  // namespace bus::sources
