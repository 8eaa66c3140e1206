// Which process holds a lock file, as the kernel says.
//
// /proc/locks names who has taken a lock. That process may be gone while another one, which got the
// descriptor from it, holds the lock on, and its number may be in use again. So a process is named only if it
// has a descriptor open to which the lock belongs (/proc/PID/fdinfo). What the file contains proves nothing
// and is not read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bus {

enum class LockState { free, held, unknown };

struct LockFacts {
  LockState state = LockState::unknown;
  // Of a process that holds it; 0: none, or unknown. What another user's process has open may not be seen:
  // then it is whom the kernel's list names.
  int64_t pid = 0;
};

LockFacts inspect_lock(const std::string& path);

// The processes that hold the lock of the file at `path`, or of one that was there and was removed: several,
// if they share a descriptor. Those that may not be seen are left out. Reads the descriptors of all
// processes.
std::vector<int64_t> lock_holders(const std::string& path);
std::vector<int64_t> removed_lock_holders(const std::string& path);

}  // namespace bus
