// One cgroup for each run, where they can be made: limits that hold for all of its processes, and a kill that none escapes.
//
// Only cgroup2, and only in a part of its tree that is ours to divide: what the service manager has delegated to us
// (Delegate=), or, where none runs, what we may write to. Without it memory-max and cpu-weight are lost;
// processes are found by their marks and a walk (process_tree.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace bus::sources {

// The cgroup of one run. Removed with the object, if it is empty by then.
class Cgroup {
 public:
  explicit Cgroup(std::string directory) : directory_(std::move(directory)) {}
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  const std::string& directory() const { return directory_; }
  // Errors name the controller that is lacking.
  Result<void> limit_memory(uint64_t bytes) const;
  Result<void> weigh_cpu(uint32_t weight) const;
  // False where the kernel cannot (before Linux 5.14).
  bool kill() const;
  // Whether a process lives in it, or in one below it. An error says nothing of that.
  Result<bool> is_populated() const;
  // Whether a process with this /proc/PID/cgroup is in it, or in one below it.
  bool holds(std::string_view cgroups) const;
  // Whether memory-max has cost one of its processes its life.
  bool has_run_out_of_memory() const;

 private:
  std::string directory_;
};

// The cgroup below which those of the runs are made.
class CgroupParent {
 public:
  // Ours, as the kernel says. Error unavailable: there is none that we may divide; `what` says why.
  static Result<CgroupParent> find();
  explicit CgroupParent(std::string directory) : directory_(std::move(directory)) {}

  // Lets children have limits. A cgroup with limited children may have no processes itself (cgroups(7)), so we move to a
  // child of our own when we have to.
  Result<void> enable_controllers() const;
  // Where one is made; `name` is a word without a slash.
  std::string directory_of(const std::string& name) const;
  Result<std::string> make(const std::string& name) const;
  // All that are here whose name begins so.
  std::vector<std::string> made(const std::string& beginning) const;
  // Of one that an earlier bus-sources has made here; nothing, if it is elsewhere.
  void kill(const std::string& directory) const;
  // Waits for the ends of what was killed in it, until then at most. False: something lives in it.
  bool remove(const std::string& directory, TimePoint until) const;
  const std::string& directory() const { return directory_; }

 private:
  bool has_made(const std::string& directory) const;

  std::string directory_;
};

// --- parsers ---

// The path in the line "0::/PATH" of /proc/self/cgroup.
std::optional<std::string> own_cgroup(std::string_view text);
// Where cgroup2 is mounted with its root, by /proc/self/mountinfo.
std::optional<std::string> cgroup2_mount(std::string_view text);
// The number behind "KEY " on a line of its own.
uint64_t number_behind(std::string_view text, std::string_view key);

}  // namespace bus::sources
