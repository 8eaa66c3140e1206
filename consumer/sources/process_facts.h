// What the kernel tells about a process in /proc/PID: its parent, session and times; and by which run it was started.
//
// Every process of a run bears the run's MARK, a number of its own: as the limit RLIMIT_RTTIME, which is inherited, which
// no program sets that is not of a real-time kind, and whose value is far beyond any use; and in its environment as
// BUSD_SOURCE_RUN. Either survives setsid(2), a double fork and the death of every ancestor; the first one a cleared
// environment, too.
//
// The parsers are pure. What reads /proc does so afresh each time; a process may be gone, and then there is nothing. An error
// is another matter: that nothing can be read, for want of descriptors, so that nothing may be concluded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace bus::sources {

struct ProcessFacts {
  int64_t pid = 0;
  int64_t parent = 0;
  int64_t group = 0;
  int64_t session = 0;
  char state = '?';          // 'Z': ended, and not yet reaped
  uint64_t cpu_ticks = 0;    // of its own and of the children that it has reaped (sysconf(_SC_CLK_TCK))
  uint64_t start_ticks = 0;  // since boot: with the pid, the identity of a process within a boot
};

inline constexpr std::string_view kMarkVariable = "BUSD_SOURCE_RUN";

// Of run number `serial` of the bus-sources that chose `instance`. Not 0, which stands for "none".
uint64_t make_mark(uint32_t instance, uint32_t serial);
bool is_mark_of(uint64_t mark, uint32_t instance);
uint32_t serial_of(uint64_t mark);

// --- parsers ---

// The line of /proc/PID/stat, whose second word is a name that may hold anything.
std::optional<ProcessFacts> parse_stat(std::string_view line);
// The mark in the text of /proc/PID/limits, /proc/PID/environ; 0: none.
uint64_t mark_in_limits(std::string_view text);
uint64_t mark_in_environment(std::string_view text);
// Bytes resident, by /proc/PID/statm.
uint64_t resident_in(std::string_view statm, uint64_t page_bytes);
// "12 345 " as in /proc/PID/task/TID/children, added to `out`.
void add_numbers(std::string_view text, std::vector<int64_t>& out);

// --- what is there ---

// Whether what could not be read is gone, or not for us to see: the error says that nothing can be opened at all.
Result<void> can_look();
std::optional<ProcessFacts> facts_of(int64_t pid);
// 0: not to be seen.
uint64_t resident_bytes_of(int64_t pid);
// The one of that bus-sources, by limit or environment; 0: none, or it may not be seen.
Result<uint64_t> mark_of(int64_t pid, uint32_t instance);
// Its file "cgroup" (cgroups(7)); "": it may not be seen.
Result<std::string> cgroups_of(int64_t pid);
Result<std::vector<int64_t>> all_processes();

}  // namespace bus::sources
