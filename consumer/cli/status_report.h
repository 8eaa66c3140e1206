// A status_response (protocol/PROTOCOL.md) as values. What a hub does not send is zero or empty: older and
// newer ones are read alike.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bus::cli {

struct ConsumerReport {
  int64_t pid = 0;         // as it says
  int64_t kernel_pid = 0;  // as the kernel says, when that differs
  std::string key;
  std::string subscription_id;
  std::vector<std::string> event_types;
  uint64_t received = 0;
  uint64_t delivered = 0;
  uint64_t dropped = 0;
  uint64_t queued = 0;
  uint64_t queued_bytes = 0;
  uint64_t connected_sec = 0;
  std::optional<uint64_t> delivered_bytes;  // nothing: the hub does not count them
  bool observer = false;
  std::string program;  // not in the response: see program_names.h
};

struct SourceReport {
  std::string name;
  std::string state;
  int64_t pid = 0;         // as it says
  int64_t kernel_pid = 0;  // as the kernel says, when that differs
  uint64_t published = 0;
  std::optional<uint64_t> last_event_ms_ago;
  std::string program;
};

struct LockReport {
  std::string scope;
  int64_t pid = 0;
  uint64_t held_ms = 0;
  uint64_t waiting = 0;
  std::string task;  // that the hub has called to clean up; else the process of `pid` does so
  std::string program;
};

struct TypeCount {
  std::string type;
  uint64_t count = 0;
};

struct TaskReport {
  std::string task;  // a name, or a pattern
  uint64_t providers = 0;
  uint64_t slots = 0;
  uint64_t free = 0;  // of these
  uint64_t open = 0;
  uint64_t waiting = 0;
  uint64_t done = 0;   // with a result
  uint64_t ended = 0;  // in any way
  uint64_t p50_us = 0;
  uint64_t p99_us = 0;
  bool full = false;  // no more calls of some user may wait
};

struct ProviderReport {
  int64_t pid = 0;
  int64_t kernel_pid = 0;  // when it differs
  std::string source;
  std::vector<std::string> tasks;
  uint64_t more_tasks = 0;
  uint64_t slots = 0;
  uint64_t open = 0;
  uint64_t late = 0;
  bool silent = false;
  std::string program;
};

struct PoolReport {
  std::string name;
  uint64_t used_bytes = 0;
  uint64_t limit_bytes = 0;
  uint64_t refused = 0;
};

struct ValuesReport {
  uint64_t keys = 0;
  uint64_t bytes = 0;
  uint64_t rev = 0;  // of the last change
  uint64_t watches = 0;
  uint64_t changes = 0;    // of other keys than the hub's own
  uint64_t waiting = 0;    // operations that wait for the store
  std::string store;       // "memory": nothing is stored; "open"; "failed"
  std::string path;        // of the store
  std::string fault;       // why it failed, or what was wrong when the hub started
  uint64_t held = 0;       // values that end with a connection
  uint64_t only_here = 0;  // others that no file has
  uint64_t most_keys = 0;  // 0: not known

  bool has_most_keys() const { return most_keys > 0 && keys >= most_keys; }
};

// With the path, which most faults name already.
std::string fault_of(const ValuesReport& values);

struct StatusReport {
  int64_t pid = 0;
  std::string version;
  std::string bus;
  std::string socket;
  uint64_t uptime_sec = 0;
  uint64_t active_conns = 0;
  uint64_t published = 0;
  uint64_t delivered = 0;
  uint64_t dropped = 0;
  uint64_t duplicates = 0;
  uint64_t unmatched = 0;
  uint64_t refused = 0;
  uint64_t uncleaned = 0;
  std::optional<uint64_t> published_bytes;
  std::optional<uint64_t> delivered_bytes;
  uint64_t memory_bytes = 0;
  uint64_t memory_limit_bytes = 0;
  uint64_t longest_callback_us = 0;
  std::vector<PoolReport> pools;
  std::vector<ConsumerReport> consumers;
  std::vector<SourceReport> sources;
  std::vector<LockReport> locks;
  std::vector<TypeCount> unmatched_types;
  bool has_calls = false;  // else the hub is too old for tasks
  uint64_t calls_open = 0;
  uint64_t calls_waiting = 0;
  uint64_t calls_done = 0;
  uint64_t calls_failed = 0;
  std::vector<TaskReport> tasks;
  std::vector<ProviderReport> providers;
  std::optional<ValuesReport> values;  // nothing: the hub is too old for values, or does not have them
  bool truncated = false;
};

// Nothing when `frame` is no status_response.
std::optional<StatusReport> parse_status(std::string_view frame);

// Sorted by their bytes: the keys of the consumers; what they asked for, and the types that nobody took; the
// tasks that are provided, and those of the hub itself; the names of the sources.
std::set<std::string> keys_of(const StatusReport& report);
std::set<std::string> types_of(const StatusReport& report);
std::set<std::string> tasks_of(const StatusReport& report);
std::set<std::string> sources_of(const StatusReport& report);

}  // namespace bus::cli
